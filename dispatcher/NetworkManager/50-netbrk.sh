#!/bin/sh
# Run by NetworkManager's dispatcher as `50-netbrk LINK ACTION`: runs netbrk's
# hooks of the state that the action amounts to, and brings the link's routing
# policy rules up to date. Installed by `make install-dispatcher`; see
# netbrk-hooks(7).
#
# It ends at once, so that hooks hold up neither NetworkManager nor its other
# scripts, and may call nmcli: in no-wait.d it would, as scripts that do wait
# are begun only after those that do not. The events of a link go through a queue
# of its own, in order. What it leaves behind ends by itself: the dispatcher's
# service has KillMode=process.
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

dir=${NETBRK_STATE_DIR:-/run/netbrk}/dispatcher/$link
mkdir -p "$dir" || exit 1

# handle does what is to be done for one event.
handle() {
	output=$(netbrk apply-rules -- "$link" 2>&1)
	# That a link is to have no rules is news for a terminal only.
	printf '%s\n' "$output" | sed -e '/^$/d' -e '/^netbrk: hint: link .* gets no rules/d' >&2
	[ "$1" = - ] || netbrk run-hooks "--link=$link" "--state=$1"
}

# take moves the queue aside, unless it is empty.
take() {
	[ -e "$dir/queue" ] && flock "$dir/queue.lock" mv "$dir/queue" "$dir/taken"
}

# serve handles what is queued. Whoever queues an event starts one, so none is
# missed though one that waits for another may find nothing left.
serve() {
	flock 9 || exit 1
	while take; do
		while read -r event <&3; do
			handle "$event"
		done 3<"$dir/taken"
	done
}

(flock 8 && printf '%s\n' "${state:--}" >>"$dir/queue") 8>"$dir/queue.lock" || exit 1
serve 9>"$dir/serve.lock" </dev/null &
