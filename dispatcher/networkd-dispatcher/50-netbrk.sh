#!/bin/sh
# Run by networkd-dispatcher for each change of a link's state: runs netbrk's
# hooks of that state and brings the link's routing policy rules up to date.
# Installed by `make install-dispatcher`, with a link in each STATE.d; see
# netbrk-hooks(7).
#
# networkd-dispatcher runs nothing else before this has ended, which keeps the
# order of events.
set -u

PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
link=${IFACE:-}
state=${STATE:-}

# networkd-dispatcher sets no EVENT_ID, netbrk does: where it runs these
# directories itself, its own hooks have run already.
[ -z "${EVENT_ID:-}" ] || exit 0
[ -n "$link" ] || exit 0
case $state in
off | no-carrier | dormant | degraded-carrier | carrier | degraded | enslaved | routable) ;;
configuring | configured | unmanaged | failed) ;;
*) exit 0 ;; # such as pending and linger: netbrk has no hooks for it
esac
command -v netbrk >/dev/null || exit 0 # removed, but for this script
# The watcher sees what networkd-dispatcher sees.
! systemctl is-active --quiet netbrk-watch.service 2>/dev/null || exit 0

status=0
output=$(netbrk apply-rules -- "$link" 2>&1) || status=$?
# That a link is to have no rules is news for a terminal only.
printf '%s\n' "$output" | sed -e '/^$/d' -e '/^netbrk: hint: link .* gets no rules/d' >&2
netbrk run-hooks "--link=$link" "--state=$state"
case $? in
0 | 3) ;; # 3: a hook failed. netbrk has logged which; this is no failure of ours.
*) status=1 ;;
esac
exit "$status"
