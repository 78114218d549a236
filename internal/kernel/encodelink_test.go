package kernel

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// encodedLink is a link step's message as the kernel would see it.
func encodedLink(t *testing.T, s hostnet.LinkStep) message {
	t.Helper()
	return acknowledged(t, func(e *encoder) { e.linkStep(s, 7) })
}

func attributes(body []byte, size int) map[uint16][]byte {
	all := make(map[uint16][]byte)
	eachAttribute(body, size, func(kind uint16, v []byte) { all[kind] = v })
	return all
}

func TestEncodeAddrTellsWhatIsDecoded(t *testing.T) {
	for _, a := range testAddrs() {
		for _, op := range []hostnet.Op{hostnet.OpAdd, hostnet.OpDelete} {
			var got []hostnet.Change
			encodedLink(t, addrSteps(op, 3, a)[0]).decode(func(c hostnet.Change) { got = append(got, c) })
			require.Len(t, got, 1)
			want := a
			if op == hostnet.OpDelete {
				want.Flags, want.Protocol = 0, 0 // what a deletion is not compared by
			}
			assert.Equal(t, want, got[0].Addr, "%s", op)
			assert.Equal(t, 3, got[0].Index)
			assert.Equal(t, op == hostnet.OpDelete, got[0].Gone)
		}
	}
}

func TestEncodeLinkKindsAndFlags(t *testing.T) {
	const always = unix.NLM_F_REQUEST | unix.NLM_F_ACK
	a := testAddrs()[0]
	for _, tt := range []struct {
		name        string
		step        hostnet.LinkStep
		kind, flags uint16
	}{
		{"address added", addrSteps(hostnet.OpAdd, 3, a)[0], unix.RTM_NEWADDR, always | unix.NLM_F_CREATE | unix.NLM_F_EXCL},
		{"address deleted", addrSteps(hostnet.OpDelete, 3, a)[0], unix.RTM_DELADDR, always},
		{"link changed", hostnet.LinkStep{Index: 3, Up: true}, unix.RTM_NEWLINK, always},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg := encodedLink(t, tt.step)
			assert.Equal(t, tt.kind, msg.kind)
			assert.Equal(t, tt.flags, msg.flags)
		})
	}
}

func TestEncodeLink(t *testing.T) {
	header := func(flags, change uint32) []byte {
		return slices.Concat([]byte{0, 0, 0, 0}, word(3), word(flags), word(change))
	}
	mtu := attr(unix.IFLA_MTU, word(9001)...)
	for _, tt := range []struct {
		name string
		step hostnet.LinkStep
		want []byte
	}{
		{"nothing", hostnet.LinkStep{Index: 3}, header(0, 0)},
		{"up", hostnet.LinkStep{Index: 3, Up: true}, header(unix.IFF_UP, unix.IFF_UP)},
		{"MTU", hostnet.LinkStep{Index: 3, MTUBytes: 9001}, slices.Concat(header(0, 0), mtu)},
		{"both", hostnet.LinkStep{Index: 3, MTUBytes: 9001, Up: true}, slices.Concat(header(unix.IFF_UP, unix.IFF_UP), mtu)},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, encodedLink(t, tt.step).body) })
	}
}

func TestEncodeAddrFlags(t *testing.T) {
	for _, tt := range []struct {
		name   string
		prefix string
		want   uint32
	}{
		{"IPv4 has no detection", "192.0.2.1/24", hostnet.AddrNoPrefixRoute},
		{"IPv6", "2001:db8::1/64", hostnet.AddrNoPrefixRoute | hostnet.AddrNoDAD},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := hostnet.Addr{Prefix: prefix(tt.prefix), Flags: 1<<32 - 1}
			body := encodedLink(t, addrSteps(hostnet.OpAdd, 3, a)[0]).body
			assert.Equal(t, tt.want, native32(attributes(body, unix.SizeofIfAddrmsg)[unix.IFA_FLAGS]))
			assert.Zero(t, body[2], "the flags of the header")
		})
	}
}

func TestBroadcast(t *testing.T) {
	for _, tt := range []struct {
		prefix, peer, want string
	}{
		{prefix: "192.0.2.77/24", want: "192.0.2.255"},
		{prefix: "10.1.2.3/20", want: "10.1.15.255"},
		{prefix: "192.0.2.1/30", want: "192.0.2.3"},
		{prefix: "192.0.2.1/0", want: "255.255.255.255"},
		{prefix: "192.0.2.0/31"},
		{prefix: "192.0.2.1/32"},
		{prefix: "192.0.2.1/24", peer: "192.0.2.9"},
		{prefix: "2001:db8::1/64"},
	} {
		t.Run(tt.prefix+" "+tt.peer, func(t *testing.T) {
			a := hostnet.Addr{Prefix: prefix(tt.prefix)}
			if tt.peer != "" {
				a.Peer = address(tt.peer)
			}
			got := broadcast(a)
			assert.Equal(t, tt.want != "", got.IsValid())
			if tt.want != "" {
				assert.Equal(t, address(tt.want), got)
			}
			sent := attributes(encodedLink(t, addrSteps(hostnet.OpAdd, 3, a)[0]).body, unix.SizeofIfAddrmsg)
			assert.Equal(t, got.AsSlice(), sent[unix.IFA_BROADCAST])
		})
	}
}

func TestLinkRefusal(t *testing.T) {
	a := testAddrs()[0]
	assert.NoError(t, linkRefusal(addrSteps(hostnet.OpAdd, 3, a)[0]))
	assert.NoError(t, linkRefusal(addrSteps(hostnet.OpDelete, 3, a)[0]))
	assert.NoError(t, linkRefusal(hostnet.LinkStep{Index: 3, Up: true}))
	assert.ErrorContains(t, linkRefusal(addrSteps(hostnet.OpReplace, 3, a)[0]), "is added or deleted")
	assert.ErrorContains(t, linkRefusal(hostnet.LinkStep{Op: hostnet.OpDelete, Index: 3}), "deletes no links")
	a.Peer = address("2001:db8::1")
	assert.ErrorContains(t, linkRefusal(addrSteps(hostnet.OpAdd, 3, a)[0]), "two families")
}

func TestLinkVerdict(t *testing.T) {
	add, del := hostnet.OpAdd, hostnet.OpDelete
	for _, tt := range []struct {
		name string
		op   hostnet.Op
		err  unix.Errno
		want error
	}{
		{"address is gone", del, unix.EADDRNOTAVAIL, nil},
		{"no such address to add", add, unix.EADDRNOTAVAIL, unix.EADDRNOTAVAIL},
		{"link is gone", add, unix.ENODEV, hostnet.ErrLinkGone},
		{"link is gone with its addresses", del, unix.ENODEV, hostnet.ErrLinkGone},
		{"address is there", add, unix.EEXIST, unix.EEXIST},
		{"IPv6 is disabled", add, unix.EACCES, unix.EACCES},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.ErrorIs(t, linkVerdict(addrSteps(tt.op, 3, testAddrs()[0])[0], tt.err), tt.want)
		})
	}
}

func TestLinkFacts(t *testing.T) {
	mac := attr(unix.IFLA_ADDRESS, 2, 0, 0x5e, 0, 0x53, 0xff)
	parent, elsewhere := attr(unix.IFLA_LINK, word(9)...), attr(unix.IFLA_LINK_NETNSID, word(0)...)
	for _, tt := range []struct {
		name string
		body [][]byte
		want hostnet.LinkFacts
	}{
		{"nothing", nil, hostnet.LinkFacts{}},
		{"all", [][]byte{mac, parent, attr(unix.IFLA_MTU, word(9001)...)}, hostnet.LinkFacts{MAC: "02:00:5e:00:53:ff", ParentIndex: 9, MTUBytes: 9001}},
		{"parent elsewhere", [][]byte{parent, elsewhere}, hostnet.LinkFacts{}},
		{"parent elsewhere, told first", [][]byte{elsewhere, parent}, hostnet.LinkFacts{}},
		{"loopback", [][]byte{attr(unix.IFLA_ADDRESS, make([]byte, 6)...)}, hostnet.LinkFacts{}},
		{"tunnel", [][]byte{attr(unix.IFLA_ADDRESS)}, hostnet.LinkFacts{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Link = hostnet.Link{Index: 3}
			body := slices.Concat(append([][]byte{ifinfo(0, 3, 1)}, tt.body...)...)
			assert.Equal(t, tt.want, *linkFacts(hostnet.Change{Index: 3, Link: tt.want.Link, Raw: body}))
		})
	}
}
