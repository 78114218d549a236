#!/bin/sh
# Run while the files are still there: by dpkg as "remove" or "upgrade ...", by rpm
# with the number of versions that are left, 0 or 1.
set -e

case "$1" in
remove | 0) ;;
*) exit 0 ;; # an upgrade changes nothing of what netbrk made
esac

# In a chroot, rules and addresses would be those of the machine around it.
if [ ! -d /run/systemd/system ] || systemd-detect-virt --quiet --chroot; then exit 0; fi

# Whoever heals is stopped first, and the targets of links once nobody starts them.
systemctl stop netbrk.target 'netbrk-*.path' 'netbrk-*.timer' 'netbrk-*.socket' 'netbrk-*.service' || :
systemctl stop 'netbrk-*@*.target' || :
systemctl reset-failed 'netbrk*' || :

# In this order: while the ledger of cloud-sync has addresses, rules may be wanted
# for them. What cannot be taken back is no reason to stay installed.
netbrk cloud-sync --flush || {
	echo "netbrk: hint: addresses from the metadata may be left until the next boot; to find them, as /32 or /128:" >&2
	echo "netbrk: hint: ip address show" >&2
}
netbrk run-hooks --generator dhclient --flush ||
	echo "netbrk: hint: resolved or hostnamed may go on with what a lease of dhclient said; resolvectl, hostnamectl tell" >&2
netbrk apply-rules --flush || {
	echo "netbrk: hint: rules and routes may be left; to remove them:" >&2
	echo "netbrk: hint: ip rule flush proto 110; ip -6 rule flush proto 110; ip route flush table all proto 110; ip -6 route flush table all proto 110" >&2
}
