#!/bin/sh
# Run when the files are there: by dpkg as "configure [OLD-VERSION]", or as
# "abort-..." when it goes back to them; by rpm with the number of versions that are
# installed by then, 1 or 2.
set -e

first=no
case "$1" in
configure) [ -n "$2" ] || first=yes ;;
1) first=yes ;;
esac

# What policy-rc.d says is heard, where there is one.
invoke() {
	if command -v deb-systemd-invoke >/dev/null; then deb-systemd-invoke "$@"; else systemctl "$@"; fi
}

systemd-sysusers netbrk.conf
systemd-tmpfiles --create netbrk.conf || :
# Later it is the owner's choice that counts.
if [ "$first" = yes ]; then systemctl preset --quiet netbrk.target || :; fi

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || :
	# The watcher alone goes on for ever; a oneshot that runs ends with the old binary.
	invoke try-restart netbrk-watch.service || :
	if systemctl --quiet is-enabled netbrk.target; then invoke start netbrk.target || :; fi
fi
