#!/bin/sh
# Shows what netbrk does, in network and mount namespaces of its own: nothing of
# this machine is seen, changed or left behind, and no root is needed where the
# kernel lets users make namespaces.
#
#	testdata/demo/demo.sh bin/netbrk IMDS
#
# IMDS is internal/cloud/imdstest/cmd/imds, the metadata service of its cloud. It
# exits 0 only if each hook that should run did, answers took the way that they
# should, and the cloud's addresses came and went.
set -eu
# An ordinary user's PATH may lack the directories of chroot(8) and ip(8).
PATH=$PATH:/usr/sbin:/sbin

fail() {
	printf 'demo: %s\n' "$1" >&2
	[ -z "${2-}" ] || printf 'demo: hint: %s\n' "$2" >&2
	exit 1
}

# exit_on_signals has the trap for EXIT run whatever ends the script; dash runs
# it for none of them.
exit_on_signals() {
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
}

# outside makes a place for the root file system and enters the namespaces.
outside() {
	netbrk=${1-} imds=${2-}
	[ -n "$imds" ] || fail 'which netbrk, and which metadata service?' 'make demo'
	for program in "$netbrk" "$imds"; do
		[ -x "$program" ] || fail "there is no program $program" 'make demo'
	done
	for program in bash ip unshare; do
		command -v "$program" >/dev/null ||
			fail "$program is not installed" 'install the packages bash, iproute2 and util-linux'
	done
	if [ "$(id -u)" = 0 ]; then
		set -- unshare --net --mount --
		hint='root in a container may lack CAP_SYS_ADMIN: try another user or machine'
	else
		set -- unshare --user --map-root-user --net --mount --
		hint='let users make namespaces (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns), or run this as root'
	fi
	"$@" mount -t tmpfs none /tmp 2>/dev/null || fail 'namespaces cannot be made here' "$hint"

	root=$(mktemp -d)
	trap 'rmdir "$root"' EXIT
	exit_on_signals
	"$@" sh "$0" --in-namespaces "$root" "$netbrk" "$imds"
}

# build fills the root file system. Hooks run only from directories that nobody
# but root, or netbrk's user, can write to, and in a user namespace this
# machine's "/" and "/etc" belong to nobody: so the root is a new one. Nor is
# this machine's /run in it, whose D-Bus would tell of other links.
build() {
	root=$1
	mount -t tmpfs -o mode=755 none "$root"
	cp "$2" "$root/netbrk"
	cp "$3" "$root/imds"
	cp "$0" "$root/demo.sh"
	cp "$(dirname "$0")/scene.json" "$root/scene.json"
	mkdir -p "$root/etc/netbrk" "$root/run" "$root/tmp" "$root/proc" "$root/sys" "$root/dev"
	cp -R "$(dirname "$0")/hooks/." "$root/etc/netbrk"
	chmod -R go-w "$root/etc/netbrk"
	for path in /usr /bin /sbin /lib /lib32 /lib64 /etc/alternatives; do
		if [ -L "$path" ]; then
			cp -P "$path" "$root$path"
		elif [ -d "$path" ]; then
			mkdir -p "$root$path"
			mount --rbind "$path" "$root$path"
		fi
	done
	for path in /proc /dev; do
		mount --rbind "$path" "$root$path"
	done
	# sysfs shows the links of the namespace it is mounted in. Where a container
	# forbids it, hooks are told less about a link's device, that is all.
	mount -t sysfs none "$root/sys" 2>/dev/null || :
}

# say narrates, run shows a command and runs it.
say() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
run() {
	printf '  $ %s\n' "$*"
	"$@"
}

# show runs a command for what it prints.
show() {
	printf '  $ %s\n' "$*"
	"$@" | sed 's/^/    /'
}

# netbrk runs it for what it prints, wherever that is.
netbrk() {
	printf '  $ netbrk %s\n' "$*"
	/netbrk "$@" 3>&- >/run/said 2>&1 && status=0 || status=$?
	sed 's/^/    /' /run/said
	return "$status"
}

# expect shows what hooks print as it comes, until each of the given hooks has
# spoken.
expect() {
	while [ $# -gt 0 ]; do
		IFS= read -r line <&3
		[ "$line" != timeout ] || explain "no hook said: $1"
		printf '    %s%s%s\n' "$green" "$line" "$plain"
		for wanted; do
			shift
			case $line in
			"$wanted"*) ;;
			*) set -- "$@" "$wanted" ;;
			esac
		done
	done
}

# answered has an outside host ask an address, and tells by which link the
# answers came. The question is a knock at a closed port, the refusal an answer.
answered() {
	eth0=$(heard eth0) eth1=$(heard eth1) by=nobody
	for _ in 1 2 3 4 5; do
		nsenter --net=/run/netns/switch timeout 1 bash -c ": </dev/tcp/$1/9" 2>/dev/null || :
	done
	[ $(($(heard eth0) - eth0)) -lt 5 ] || by=eth0
	[ $(($(heard eth1) - eth1)) -lt 5 ] || by=eth1
	printf '    %s%s was asked by eth1, and answered by %s%s\n' "$green" "$1" "$by" "$plain"
}

# heard counts the packets that came from a link.
heard() { ip -n switch -s link show dev "$1-port" | sed -n '/RX:/{n;s/^ *[0-9]* *\([0-9]*\).*/\1/p;}'; }

# await_rules looks until the three rules of an address are there.
await_rules() {
	until [ "$(ip rule | grep -cw "$1")" = 3 ]; do
		[ ! -e /run/too-late ] || explain "no rules for $1"
	done
}

# await_address looks until an address is there.
await_address() {
	until ip -4 -o address show | grep -qwF "$1"; do
		[ ! -e /run/too-late ] || explain "no address $1"
	done
}

# await_service looks until the metadata service has said something.
await_service() {
	until grep -q "^$1" /run/imds.log; do
		[ ! -e /run/too-late ] || explain "the metadata service did not say: $1"
	done
}

# metadata changes what the service tells.
metadata() {
	sed "$1" /scene.json >/run/scene.json
	[ -n "${imds-}" ] || return 0
	: >/run/imds.log
	kill -HUP "$imds"
	await_service 'read '
}

explain() {
	printf '\nnetbrk said:\n' >&2
	cat /run/watch.log >&2
	fail "$1"
}

# finish ends what was started. The links go with the namespace.
finish() {
	[ -z "${watch-}" ] || kill "$watch" 2>/dev/null || :
	[ -z "${imds-}" ] || kill "$imds" 2>/dev/null || :
	[ -z "${alarm-}" ] || kill "$alarm" 2>/dev/null || :
	wait
}

# cable plugs a link into the switch, or out of it.
cable() { ip -n switch link set "$1-port" "$2"; }

inside() {
	bold='' green='' plain=''
	if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
		bold=$(printf '\033[1m') green=$(printf '\033[32m') plain=$(printf '\033[0m')
	fi
	trap finish EXIT
	exit_on_signals

	# The other ends of the cables are in a namespace that the watcher does not
	# see. Without link-local addresses the story is the same on every machine.
	ip netns add switch
	ip -n switch link add lan type bridge
	ip -n switch link set lan addrgenmode none up
	for link in eth0 eth1; do
		ip link add "$link" address "02:00:00:00:00:0${link#eth}" type veth peer name "$link-port" netns switch
		ip link set "$link" addrgenmode none
		ip -n switch link set "$link-port" addrgenmode none master lan
	done
	mkfifo /run/netbrk-demo
	exec 3<>/run/netbrk-demo
	# Far longer than the demo takes: a hook that has not run by then will not.
	(
		exec 3>&- >/dev/null 2>&1
		sleep "${NETBRK_DEMO_DEADLINE:-30}" &
		trap 'kill $!' TERM
		wait "$!" && : >/run/too-late && echo timeout >/run/netbrk-demo
	) &
	alarm=$!

	story
	second_story
	third_story

	printf '\nThat is all: a script in a directory named after what happened, a line in\n'
	printf 'netbrk.toml for a second NIC, and none in a cloud that netbrk knows.\n'
	printf 'Next:  sudo make install            netbrk as a service, from now on and at boot\n'
	printf '       /etc/netbrk/routable.d/      the place for your scripts\n'
	printf '       testdata/demo/hooks/         the ones that ran here\n'
}

story() {
	say 'Two links, both off. The watcher starts, and hooks get to know the present:'
	printf '  $ netbrk watch --dispatch=exec &\n'
	/netbrk watch --dispatch=exec 3>&- 2>/run/watch.log &
	watch=$!
	expect 'off.d/10-note: eth0' 'off.d/10-note: eth1'

	say 'eth0 is set up; its cable is not plugged in yet:'
	run ip link set eth0 up
	expect 'no-carrier.d/10-alarm: eth0'

	say 'The cable is plugged in:'
	cable eth0 up
	expect 'carrier.d/10-note: eth0'

	say 'eth0 gets an address. It is routable, and the hooks are told with which address:'
	run ip address add 192.0.2.10/24 dev eth0
	expect 'routable.d/10-announce: eth0 ' 'addresses.d/10-log: eth0: 192.0.2.10/24 added'

	say 'The link flaps: the cable is out, and in again. Each transition arrives, in order:'
	cable eth0 down
	expect 'no-carrier.d/10-alarm: eth0 has no carrier, after routable'
	cable eth0 up
	expect 'routable.d/10-announce: eth0 '

	say 'A second address. The state stays, the addresses change:'
	run ip address add 192.0.2.11/24 dev eth0
	expect 'addresses.d/10-log: eth0: 192.0.2.11/24 added'

	say 'eth1 comes up, and has a hook that runs for no other link:'
	run ip address add 198.51.100.10/24 dev eth1
	expect 'addresses.d/10-log: eth1: 198.51.100.10/24 added'
	cable eth1 up
	run ip link set eth1 up
	expect 'routable.d/10-announce: eth1 ' 'routable.d/eth1/20-only-eth1: runs for eth1'

	say 'What a hook is told (JSON is cut here):'
	printf '  $ netbrk run-hooks --link eth1 --state routable --dry-run\n'
	/netbrk run-hooks --link eth1 --state routable --dry-run 3>&- | cut -c 1-100 | sed 's/^/    /'
}

second_story() {
	kill "$watch"
	wait "$watch" || :
	say 'The same two links in one subnet, without netbrk. A host asks eth1, and the answer
leaves by eth0, which a cloud drops:'
	run ip address add 192.0.2.20/24 dev eth1
	ip -n switch address add 192.0.2.1/24 dev lan
	# A switch knows who has which address; asked by ARP, either link would answer.
	ip -n switch neighbour add 192.0.2.20 lladdr 02:00:00:00:00:01 dev lan
	answered 192.0.2.20
	[ "$by" != eth1 ] || fail 'the answer came by eth1 already'

	say 'netbrk gives eth1 a routing table of its own:'
	printf '[Network]\nRoutingPolicyRules = "eth1"\n' >/etc/netbrk/netbrk.toml
	show cat /etc/netbrk/netbrk.toml
	printf '  $ netbrk watch --dispatch=exec &\n'
	/netbrk watch --dispatch=exec 3>&- 2>/run/watch.log &
	watch=$!
	await_rules 192.0.2.20
	show ip rule show from 192.0.2.20
	answered 192.0.2.20
	[ "$by" = eth1 ] || explain "the answer came by $by"

	say 'Somebody flushes the rules, as systemd-networkd does. They come back:'
	run ip rule flush protocol 110
	await_rules 192.0.2.20
	show ip rule show from 192.0.2.20
	answered 192.0.2.20
	[ "$by" = eth1 ] || explain "the answer came by $by"
}

third_story() {
	say 'By now the machine is an instance of a cloud, whose metadata tells a second address
for each NIC, which no DHCP hands out:'
	printf '[Cloud]\nProvider = "aws"\n' >/etc/netbrk/netbrk.toml
	show cat /etc/netbrk/netbrk.toml
	ip -n switch address add 169.254.169.254/32 dev lan
	ip route add 169.254.169.254 dev eth0 src 192.0.2.10
	metadata ''
	: >/run/imds.log
	nsenter --net=/run/netns/switch /imds -listen 169.254.169.254:80 /run/scene.json 3>&- >>/run/imds.log 2>&1 &
	imds=$!
	await_service 'listening on '
	netbrk cloud-sync --dry-run
	netbrk cloud-sync
	await_rules 192.0.2.21
	ip -n switch neighbour add 192.0.2.21 lladdr 02:00:00:00:00:01 dev lan
	answered 192.0.2.21
	[ "$by" = eth1 ] || explain "the answer came by $by"

	say 'Somebody removes an address, as systemd-networkd does. It comes back, and the cloud
need not be asked:'
	: >/run/imds.log
	run ip address delete 192.0.2.21/32 dev eth1
	await_address 192.0.2.21
	await_rules 192.0.2.21
	[ ! -s /run/imds.log ] || explain 'the metadata service was asked'
	show ip -4 -brief address show

	say 'Something else answers in place of the metadata service. Nothing is removed on doubt:'
	metadata 's/"faults": \[\]/"faults": [{"path": "*", "kind": "html"}]/'
	if netbrk cloud-sync; then fail 'netbrk took a page for metadata'; fi
	show ip -4 -brief address show dev eth1

	say 'The cloud takes an address away, and netbrk follows:'
	metadata 's/, {"address": "192.0.2.21"}//'
	netbrk cloud-sync --dry-run
	netbrk cloud-sync
	! ip -4 -o address show | grep -qwF 192.0.2.21 || explain '192.0.2.21 is still there'
	show ip -4 -brief address show dev eth1
}

case ${1-} in
--in-namespaces)
	build "$2" "$3" "$4"
	exec chroot "$2" /bin/sh /demo.sh --in-root
	;;
--in-root) inside ;;
*) outside "$@" ;;
esac
