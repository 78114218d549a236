#!/bin/sh
# Run when the files are gone: by dpkg as "remove", later perhaps "purge", or
# "upgrade ..."; by rpm with the number of versions that are left, 0 or 1. rpm has no
# purge, and its distributions keep the users of packages.
set -e

case "$1" in
remove | purge | 0) ;;
*) exit 0 ;;
esac

rm -rf /run/netbrk
if [ -d /run/systemd/system ]; then systemctl daemon-reload || :; fi

# That it is enabled is configuration, and so is what follows.
[ "$1" != remove ] || exit 0
rm -f /etc/systemd/system/multi-user.target.wants/netbrk.target
# Scripts and drop-ins that the owner wrote are the owner's.
if [ -d /etc/netbrk ]; then
	find /etc/netbrk -type f | sed 's/^/netbrk: kept, since somebody wrote it: /'
fi
if [ "$1" = purge ] && getent passwd netbrk >/dev/null && command -v userdel >/dev/null; then userdel netbrk || :; fi
