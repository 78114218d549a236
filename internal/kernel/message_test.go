package kernel

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// raw builds one netlink message.
func raw(kind, flags uint16, body ...[]byte) []byte {
	msg := make([]byte, unix.SizeofNlMsghdr)
	for _, b := range body {
		msg = append(msg, b...)
	}
	binary.NativeEndian.PutUint32(msg, uint32(len(msg)))
	binary.NativeEndian.PutUint16(msg[4:], kind)
	binary.NativeEndian.PutUint16(msg[6:], flags)
	for len(msg)%4 != 0 {
		msg = append(msg, 0)
	}
	return msg
}

func attr(kind uint16, value ...byte) []byte {
	b := make([]byte, 4, 4+len(value)+3)
	binary.NativeEndian.PutUint16(b, uint16(4+len(value)))
	binary.NativeEndian.PutUint16(b[2:], kind)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func word(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func ifinfo(family byte, index, flags uint32) []byte {
	b := []byte{family, 0, 1, 0}
	b = append(b, word(index)...)
	b = append(b, word(flags)...)
	return append(b, word(0)...)
}

func ifaddr(family, bits, flags, scope byte, index uint32) []byte {
	return append([]byte{family, bits, flags, scope}, word(index)...)
}

func rtmsg(family, bits, table, kind byte, flags uint32) []byte {
	return append([]byte{family, bits, 0, 0, table, 4, 0, kind}, word(flags)...)
}

func decodeAll(datagram []byte) (changes []hostnet.Change, done bool, err error) {
	done, err = eachMessage(datagram, func(m message) {
		m.decode(func(c hostnet.Change) {
			c.Raw, c.Digest = nil, 0
			changes = append(changes, c)
		})
	})
	return changes, done, err
}

func TestDecode(t *testing.T) {
	name := attr(unix.IFLA_IFNAME, []byte("eth0\x00")...)
	local := netip.MustParsePrefix("192.0.2.1/24")
	tests := []struct {
		name string
		msg  []byte
		want []hostnet.Change
	}{
		{"link", raw(unix.RTM_NEWLINK, 0, ifinfo(0, 3, 1), name, attr(unix.IFLA_OPERSTATE, 6), attr(unix.IFLA_MASTER, word(9)...)), []hostnet.Change{
			{Object: hostnet.ObjectLink, Index: 3, Link: hostnet.Link{Index: 3, Name: "eth0", Flags: 1, OperState: 6, MasterIndex: 9, Type: 1}},
		}},
		{"link gone", raw(unix.RTM_DELLINK, 0, ifinfo(0, 3, 0), name), []hostnet.Change{
			{Object: hostnet.ObjectLink, Gone: true, Index: 3, Link: hostnet.Link{Index: 3, Name: "eth0", Type: 1}},
		}},
		{"port of a bridge", raw(unix.RTM_DELLINK, 0, ifinfo(unix.AF_BRIDGE, 3, 0), name), nil},
		{"wireless event", raw(unix.RTM_NEWLINK, 0, ifinfo(0, 3, 1), name, attr(unix.IFLA_WIRELESS, 1, 2, 3, 4)), nil},
		{"link without name", raw(unix.RTM_NEWLINK, 0, ifinfo(0, 3, 1)), nil},
		{"link with the longest name", raw(unix.RTM_NEWLINK, 0, ifinfo(0, 3, 1), attr(unix.IFLA_IFNAME, []byte("abcdefghijklmno\x00")...)), []hostnet.Change{
			{Object: hostnet.ObjectLink, Index: 3, Link: hostnet.Link{Index: 3, Name: "abcdefghijklmno", Flags: 1, Type: 1}},
		}},
		{"link with a longer one", raw(unix.RTM_NEWLINK, 0, ifinfo(0, 3, 1), attr(unix.IFLA_IFNAME, []byte("abcdefghijklmnop\x00")...)), nil},
		{"link without ifindex", raw(unix.RTM_NEWLINK, 0, ifinfo(0, 0, 1), name), nil},
		{"link cut off", raw(unix.RTM_NEWLINK, 0, ifinfo(0, 3, 1)[:12]), nil},
		{"address", raw(unix.RTM_NEWADDR, 0, ifaddr(unix.AF_INET, 24, 0x80, 0, 3), attr(unix.IFA_ADDRESS, 192, 0, 2, 1), attr(unix.IFA_LOCAL, 192, 0, 2, 1), attr(unix.IFA_FLAGS, word(0x280)...)), []hostnet.Change{
			{Object: hostnet.ObjectAddr, Index: 3, Addr: hostnet.Addr{Prefix: local, Flags: 0x280}},
		}},
		{"address with a peer", raw(unix.RTM_DELADDR, 0, ifaddr(unix.AF_INET, 24, 0, 253, 3), attr(unix.IFA_ADDRESS, 192, 0, 2, 9), attr(unix.IFA_LOCAL, 192, 0, 2, 1)), []hostnet.Change{
			{Object: hostnet.ObjectAddr, Gone: true, Index: 3, Addr: hostnet.Addr{Prefix: local, Peer: netip.MustParseAddr("192.0.2.9"), Scope: 253}},
		}},
		{"address of our own", raw(unix.RTM_NEWADDR, 0, ifaddr(unix.AF_INET, 24, 0, 0, 3), attr(unix.IFA_LOCAL, 192, 0, 2, 1), attr(ifaProto, 110)), []hostnet.Change{
			{Object: hostnet.ObjectAddr, Index: 3, Addr: hostnet.Addr{Prefix: local, Protocol: 110}},
		}},
		{"address of an empty protocol", raw(unix.RTM_NEWADDR, 0, ifaddr(unix.AF_INET, 24, 0, 0, 3), attr(unix.IFA_LOCAL, 192, 0, 2, 1), attr(ifaProto)), []hostnet.Change{
			{Object: hostnet.ObjectAddr, Index: 3, Addr: hostnet.Addr{Prefix: local}},
		}},
		{"address without address", raw(unix.RTM_NEWADDR, 0, ifaddr(unix.AF_INET, 24, 0, 0, 3)), nil},
		{"address of three bytes", raw(unix.RTM_NEWADDR, 0, ifaddr(unix.AF_INET, 24, 0, 0, 3), attr(unix.IFA_LOCAL, 192, 0, 2)), nil},
		{"impossible prefix", raw(unix.RTM_NEWADDR, 0, ifaddr(unix.AF_INET, 33, 0, 0, 3), attr(unix.IFA_LOCAL, 192, 0, 2, 1)), nil},
		{"address of another family", raw(unix.RTM_NEWADDR, 0, ifaddr(unix.AF_PHONET, 8, 0, 0, 3), attr(unix.IFA_LOCAL, 192, 0, 2, 1)), nil},
		{"route", raw(unix.RTM_NEWROUTE, unix.NLM_F_REPLACE, rtmsg(unix.AF_INET, 0, 254, unix.RTN_UNICAST, 0), attr(unix.RTA_OIF, word(3)...)), []hostnet.Change{
			{Object: hostnet.ObjectRoute, Replaced: true, Index: 3, Protocol: 4, Table: 254},
		}},
		{"route without link", raw(unix.RTM_DELROUTE, unix.NLM_F_REPLACE, rtmsg(unix.AF_INET6, 0, 254, unix.RTN_BLACKHOLE, 0)), []hostnet.Change{
			{Object: hostnet.ObjectRoute, Gone: true, Protocol: 4, Table: 254},
		}},
		{"route by two links", raw(unix.RTM_NEWROUTE, 0, rtmsg(unix.AF_INET, 0, 254, unix.RTN_UNICAST, 0),
			attr(unix.RTA_MULTIPATH, append(append([]byte{8, 0, 0, 0}, word(3)...), append([]byte{8, 0, 0, 0}, word(4)...)...)...)), []hostnet.Change{
			{Object: hostnet.ObjectRoute, Index: 3, Protocol: 4, Table: 254}, {Object: hostnet.ObjectRoute, Index: 4, Protocol: 4, Table: 254},
		}},
		{"route in a table of our own", raw(unix.RTM_NEWROUTE, 0, rtmsg(unix.AF_INET, 0, 252, unix.RTN_UNICAST, 0), attr(unix.RTA_TABLE, word(10002)...), attr(unix.RTA_OIF, word(3)...)), []hostnet.Change{
			{Object: hostnet.ObjectRoute, Index: 3, Protocol: 4, Table: 10002},
		}},
		{"local table", raw(unix.RTM_NEWROUTE, 0, rtmsg(unix.AF_INET, 32, unix.RT_TABLE_LOCAL, unix.RTN_LOCAL, 0)), nil},
		{"cached clone", raw(unix.RTM_NEWROUTE, 0, rtmsg(unix.AF_INET6, 128, 254, unix.RTN_UNICAST, unix.RTM_F_CLONED)), nil},
		{"MPLS route", raw(unix.RTM_NEWROUTE, 0, rtmsg(unix.AF_MPLS, 20, 254, unix.RTN_UNICAST, 0)), nil},
		{"rule", raw(unix.RTM_DELRULE, 0, rtmsg(unix.AF_INET, 0, 254, 1, 0)), []hostnet.Change{{Object: hostnet.ObjectRule, Gone: true, Table: 254}}},
		{"rule of our own", raw(unix.RTM_NEWRULE, 0, rtmsg(unix.AF_INET6, 0, 252, 1, 0), attr(unix.FRA_TABLE, word(10002)...), attr(unix.FRA_PROTOCOL, 110)), []hostnet.Change{
			{Object: hostnet.ObjectRule, Protocol: 110, Table: 10002},
		}},
		{"rule that looks nothing up", raw(unix.RTM_NEWRULE, 0, rtmsg(unix.AF_INET, 0, 0, unix.FR_ACT_BLACKHOLE, 0), attr(unix.FRA_PROTOCOL, 3)), []hostnet.Change{
			{Object: hostnet.ObjectRule, Protocol: 3},
		}},
		{"another kind", raw(unix.RTM_NEWNEIGH, 0, rtmsg(unix.AF_INET, 0, 254, 1, 0)), nil},
		{"nothing in it", raw(unix.RTM_NEWROUTE, 0), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, done, err := decodeAll(tt.msg)
			require.NoError(t, err)
			assert.False(t, done)
			assert.Equal(t, tt.want, got)
			twice, _, err := decodeAll(append(append([]byte(nil), tt.msg...), tt.msg...))
			require.NoError(t, err)
			assert.Len(t, twice, 2*len(tt.want))
		})
	}
}

func TestEachMessageEnds(t *testing.T) {
	negative := func(e unix.Errno) []byte { return word(uint32(-int32(e))) }
	tests := []struct {
		name string
		msg  []byte
		done bool
		err  error
	}{
		{"nothing", nil, false, nil},
		{"end of a dump", raw(unix.NLMSG_DONE, 0, word(0)), true, nil},
		{"end of a dump that failed", raw(unix.NLMSG_DONE, 0, negative(unix.ENOMEM)), true, unix.ENOMEM},
		{"acknowledgement", raw(unix.NLMSG_ERROR, 0, word(0)), true, nil},
		{"refusal", raw(unix.NLMSG_ERROR, 0, negative(unix.EPERM)), true, unix.EPERM},
		{"refusal cut off", raw(unix.NLMSG_ERROR, 0), true, errCut},
		{"overrun", raw(unix.NLMSG_OVERRUN, 0), false, ErrOverrun},
		{"length too large", raw(unix.RTM_NEWLINK, 0, ifinfo(0, 3, 1))[:20], false, errCut},
		{"length too small", make([]byte, 16), false, errCut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, done, err := decodeAll(tt.msg)
			assert.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.done, done)
		})
	}
}

func TestRouteDigestLeavesPassingThingsOut(t *testing.T) {
	digest := func(attrs ...[]byte) uint64 {
		body := rtmsg(unix.AF_INET6, 0, 254, unix.RTN_UNICAST, 0)
		for _, a := range attrs {
			body = append(body, a...)
		}
		return routeDigest(body)
	}
	gateway := attr(unix.RTA_GATEWAY, netip.MustParseAddr("fe80::1").AsSlice()...)
	hop := func(flags byte) []byte {
		return attr(unix.RTA_MULTIPATH, append([]byte{8, 0, flags, 0}, word(3)...)...)
	}
	plain := digest(gateway)
	assert.Equal(t, plain, digest(gateway, attr(unix.RTA_CACHEINFO, 1, 2, 3, 4)), "lifetime")
	assert.Equal(t, digest(hop(0)), digest(hop(unix.RTNH_F_LINKDOWN)), "carrier of a next hop")
	assert.NotEqual(t, plain, digest(gateway, attr(unix.RTA_PRIORITY, word(5)...)))
	assert.NotEqual(t, plain, digest())
}

func TestAddrDigestLeavesProtocolOut(t *testing.T) {
	a := hostnet.Addr{Prefix: netip.MustParsePrefix("192.0.2.1/24")}
	before := addrDigest(a)
	a.Protocol, a.Flags = hostnet.Protocol, hostnet.AddrNoPrefixRoute
	assert.Equal(t, before, addrDigest(a))
}

// FuzzDecode feeds datagrams as the kernel's, none of which may do harm, and
// checks that what comes out of them makes sense.
func FuzzDecode(f *testing.F) {
	f.Add(raw(unix.RTM_NEWLINK, 0, ifinfo(0, 3, 1), attr(unix.IFLA_IFNAME, []byte("eth0\x00")...)))
	f.Add(raw(unix.RTM_NEWADDR, 0, ifaddr(unix.AF_INET, 24, 0, 0, 3), attr(unix.IFA_LOCAL, 192, 0, 2, 1)))
	f.Add(raw(unix.RTM_NEWROUTE, 0, rtmsg(unix.AF_INET, 8, 254, unix.RTN_UNICAST, 0), attr(unix.RTA_DST, 10, 0, 0, 0), attr(unix.RTA_MULTIPATH, append([]byte{8, 0, 0, 0}, word(3)...)...)))
	f.Add(raw(unix.RTM_NEWRULE, 0, rtmsg(unix.AF_INET6, 0, 254, 1, 0)))
	f.Add(raw(unix.NLMSG_DONE, 0, word(0)))
	for _, datagram := range recorded(f) {
		f.Add(datagram)
	}
	f.Fuzz(checkDatagram)
}
