#!/bin/sh
# Run by NetworkManager's dispatcher as `50-netbrk LINK ACTION`: runs netbrk's
# hooks of the state that the action amounts to, and brings the link's routing
# policy rules up to date. Installed by `make install-dispatcher`; see
# netbrk-hooks(7).
#
# It lies in no-wait.d, so that hooks hold up neither NetworkManager nor its
# other scripts, and may call nmcli. The events of one link are handled one
# after another all the same.
set -u

PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
link=${1:-}
action=${2:-}

# reached tells how far the addresses that NetworkManager names reach. An
# activation may end with none, as that of a bridge's port does.
reached() {
	env | sed -n 's/^\(VPN_\)\{0,1\}IP[46]_ADDRESS_[0-9][0-9]*=//p' | {
		state=carrier
		while read -r address _; do
			case $address in
			169.254.* | fe80:*) [ "$state" = routable ] || state=degraded ;;
			*) state=routable ;;
			esac
		done
		echo "$state"
	}
}

# left tells what the kernel says of a link that lost its configuration. Of one
# that is down it refuses to tell the carrier.
left() {
	case $(cat "/sys/class/net/$link/carrier" 2>/dev/null) in
	1) echo carrier ;;
	0) echo no-carrier ;;
	*) echo off ;;
	esac
}

case $action in
up | vpn-up) state=$(reached) ;;
down | vpn-down) state=$(left) ;;
# Addresses may have changed, the state has not.
dhcp4-change | dhcp6-change | reapply) state= ;;
*) exit 0 ;;
esac
case $link in
'' | none | . | .. | */*) exit 0 ;;
esac
# Gone, as a VPN's link is by now: there is nobody to run hooks for.
[ -e "/sys/class/net/$link" ] || exit 0
command -v netbrk >/dev/null || exit 0 # removed, but for this script
# The watcher sees what NetworkManager does, and hears of it from the kernel.
! systemctl is-active --quiet netbrk-watch.service 2>/dev/null || exit 0

locks=${NETBRK_STATE_DIR:-/run/netbrk}/dispatcher
mkdir -p "$locks" || exit 1
exec 9>"$locks/$link.lock" || exit 1
flock 9 || exit 1

status=0
output=$(netbrk apply-rules -- "$link" 2>&1) || status=$?
# That a link is to have no rules is news for a terminal only.
printf '%s\n' "$output" | sed -e '/^$/d' -e '/^netbrk: hint: link .* gets no rules/d' >&2
if [ -n "$state" ]; then
	netbrk run-hooks "--link=$link" "--state=$state"
	case $? in
	0 | 3) ;; # 3: a hook failed. netbrk has logged which; this is no failure of ours.
	*) status=1 ;;
	esac
fi
exit "$status"
