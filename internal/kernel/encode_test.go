package kernel

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

var (
	prefix  = netip.MustParsePrefix
	address = netip.MustParseAddr
)

// testRules are one of each shape that netbrk writes, and more.
func testRules() []hostnet.Rule {
	rules := []hostnet.Rule{
		{Family: hostnet.IPv4, Priority: 30000, From: prefix("192.0.2.1/32"), Table: 10002, SuppressPrefixLength: 0},
		{Family: hostnet.IPv4, Priority: 30001, Table: hostnet.TableMain, SuppressPrefixLength: 0},
		{Family: hostnet.IPv4, Priority: 30002, From: prefix("10.1.0.0/20"), Table: 10002, SuppressPrefixLength: hostnet.NoSuppress},
		{Family: hostnet.IPv4, Priority: 30003, To: prefix("192.0.2.1/32"), Table: 10002, SuppressPrefixLength: hostnet.NoSuppress},
		{Family: hostnet.IPv4, Priority: 0, From: prefix("192.0.2.7/32"), To: prefix("198.51.100.0/24"), Table: 200, SuppressPrefixLength: 24},
		{Family: hostnet.IPv6, Priority: 30000, From: prefix("2001:db8::1/128"), Table: 10002, SuppressPrefixLength: 0},
		{Family: hostnet.IPv6, Priority: 30001, Table: hostnet.TableMain, SuppressPrefixLength: 0},
		{Family: hostnet.IPv6, Priority: 30003, To: prefix("2001:db8:1::/48"), Table: 1 << 31, SuppressPrefixLength: hostnet.NoSuppress},
	}
	for i := range rules {
		rules[i].Protocol = hostnet.Protocol
	}
	return rules
}

// testRoutes are one of each shape, in an order in which the kernel takes them,
// by a link with the addresses 192.0.2.1/24 and 2001:db8::1/64.
func testRoutes(index int) []hostnet.Route {
	routes := []hostnet.Route{
		{Destination: prefix("192.0.2.0/24"), Scope: hostnet.ScopeLink, Source: address("192.0.2.1")},
		{Destination: prefix("0.0.0.0/0"), Gateway: address("192.0.2.254")},
		{Destination: prefix("0.0.0.0/0"), Gateway: address("198.18.0.1"), OnLink: true, Metric: 50, Source: address("192.0.2.1")},
		{Destination: prefix("10.1.0.0/16"), Gateway: address("192.0.2.253"), MTUBytes: 1400, Metric: 7},
		{Destination: prefix("10.2.0.0/16"), Gateway: address("fe80::1")},
		{Destination: prefix("10.3.0.0/16"), Table: 100},
		{Destination: prefix("10.4.0.0/24"), Table: hostnet.TableLocal, Type: hostnet.RouteLocal, Scope: hostnet.ScopeHost},
		{Destination: prefix("2001:db8::/64"), Metric: 256},
		{Destination: prefix("::/0"), Gateway: address("fe80::1"), Metric: 1024, Source: address("2001:db8::1")},
		{Destination: prefix("2001:db8:1::/48"), Gateway: address("2001:db8:ffff::1"), OnLink: true, Metric: 30, MTUBytes: 1300},
		{Destination: prefix("2001:db8:2::/56"), Table: hostnet.TableLocal, Type: hostnet.RouteLocal, Metric: 1024},
	}
	for i := range routes {
		r := &routes[i]
		r.Protocol, r.Index = hostnet.Protocol, index
		if r.Table == 0 {
			r.Table = 10002
		}
		if r.Type == 0 {
			r.Type = hostnet.RouteUnicast
		}
		if r.Family() == hostnet.IPv4 && !r.Gateway.IsValid() && r.Scope == 0 {
			r.Scope = hostnet.ScopeLink
		}
	}
	return routes
}

func ruleSteps(op hostnet.Op, rules ...hostnet.Rule) []hostnet.Step {
	var steps []hostnet.Step
	for _, r := range rules {
		steps = append(steps, hostnet.Step{Op: op, IsRule: true, Rule: r})
	}
	return steps
}

func routeSteps(op hostnet.Op, routes ...hostnet.Route) []hostnet.Step {
	var steps []hostnet.Step
	for _, r := range routes {
		steps = append(steps, hostnet.Step{Op: op, Route: r})
	}
	return steps
}

// encoded is a step's message as the kernel would see it.
func encoded(t *testing.T, s hostnet.Step) message {
	t.Helper()
	return acknowledged(t, func(e *encoder) { e.step(s, 7) })
}

// acknowledged is the one message, of the sequence number 7, that encode leaves.
func acknowledged(t *testing.T, encode func(*encoder)) message {
	t.Helper()
	var e encoder
	encode(&e)
	e.acknowledge()
	msg, rest, err := firstMessage(e.buf)
	require.NoError(t, err)
	require.Empty(t, rest)
	assert.Equal(t, uint32(7), msg.seq)
	return msg
}

func TestEncodeTellsWhatIsDecoded(t *testing.T) {
	for _, op := range []hostnet.Op{hostnet.OpAdd, hostnet.OpDelete} {
		for _, r := range testRules() {
			got, ok := ruleOf(encoded(t, ruleSteps(op, r)[0]).body)
			assert.True(t, ok)
			assert.Equal(t, r, got, "%s %s", op, r)
		}
	}
	for _, op := range []hostnet.Op{hostnet.OpAdd, hostnet.OpReplace, hostnet.OpDelete} {
		for _, r := range testRoutes(3) {
			var got []hostnet.Route
			eachRoute(encoded(t, routeSteps(op, r)[0]).body, func(r hostnet.Route) { got = append(got, r) })
			assert.Equal(t, []hostnet.Route{r}, got, "%s %s", op, r.Describe("if3"))
		}
	}
}

func TestEncodeKindsAndFlags(t *testing.T) {
	const always = unix.NLM_F_REQUEST | unix.NLM_F_ACK
	rule, route := testRules()[0], testRoutes(3)[0]
	for _, tt := range []struct {
		name        string
		step        hostnet.Step
		kind, flags uint16
	}{
		{"rule added", ruleSteps(hostnet.OpAdd, rule)[0], unix.RTM_NEWRULE, always | unix.NLM_F_CREATE},
		{"rule deleted", ruleSteps(hostnet.OpDelete, rule)[0], unix.RTM_DELRULE, always},
		{"route added", routeSteps(hostnet.OpAdd, route)[0], unix.RTM_NEWROUTE, always | unix.NLM_F_CREATE | unix.NLM_F_EXCL},
		{"route replaced", routeSteps(hostnet.OpReplace, route)[0], unix.RTM_NEWROUTE, always | unix.NLM_F_REPLACE},
		{"route deleted", routeSteps(hostnet.OpDelete, route)[0], unix.RTM_DELROUTE, always},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg := encoded(t, tt.step)
			assert.Equal(t, tt.kind, msg.kind)
			assert.Equal(t, tt.flags, msg.flags)
		})
	}
}

func TestRefusal(t *testing.T) {
	rule, route := testRules()[0], testRoutes(3)[0]
	assert.NoError(t, refusal(ruleSteps(hostnet.OpAdd, rule)[0]))
	assert.NoError(t, refusal(routeSteps(hostnet.OpReplace, route)[0]))
	assert.ErrorContains(t, refusal(ruleSteps(hostnet.OpReplace, rule)[0]), "replaces no rules")
	rule.Other = true
	assert.ErrorContains(t, refusal(ruleSteps(hostnet.OpDelete, rule)[0]), "more to the rule")
	rule.Protocol, route.Protocol = 3, 4
	assert.ErrorContains(t, refusal(ruleSteps(hostnet.OpDelete, rule)[0]), "protocol 3 is not netbrk's")
	assert.ErrorContains(t, refusal(routeSteps(hostnet.OpAdd, route)[0]), "protocol 4 is not netbrk's")
}

func TestRuleOf(t *testing.T) {
	header := func(dst, src, tos, action byte, flags uint32) []byte {
		return append([]byte{unix.AF_INET, dst, src, tos, 252, 0, 0, action}, word(flags)...)
	}
	plain := hostnet.Rule{
		Family: hostnet.IPv4, From: prefix("192.0.2.1/32"), Table: 10002,
		SuppressPrefixLength: hostnet.NoSuppress, Protocol: 110,
	}
	other, unmasked, dropped := plain, plain, plain
	other.Other, dropped.Other = true, true
	unmasked.Other, unmasked.From = true, prefix("192.0.2.1/24")
	dropped.Table = 0
	for _, tt := range []struct {
		name   string
		header []byte
		more   []byte
		want   hostnet.Rule
	}{
		{"nothing more", header(0, 32, 0, 1, 0), nil, plain},
		{"suppresses nothing", header(0, 32, 0, 1, 0), attr(unix.FRA_SUPPRESS_PREFIXLEN, word(1<<32-1)...), plain},
		{"mark", header(0, 32, 0, 1, 0), attr(unix.FRA_FWMARK, word(1)...), other},
		{"mask of no mark", header(0, 32, 0, 1, 0), attr(unix.FRA_FWMASK, word(1)...), other},
		{"incoming link", header(0, 32, 0, 1, 0), attr(unix.FRA_IIFNAME, 'a', 0), other},
		{"outgoing link", header(0, 32, 0, 1, 0), attr(unix.FRA_OIFNAME, 'a', 0), other},
		{"users", header(0, 32, 0, 1, 0), attr(unix.FRA_UID_RANGE, append(word(0), word(9)...)...), other},
		{"ports", header(0, 32, 0, 1, 0), attr(unix.FRA_DPORT_RANGE, 1, 0, 2, 0), other},
		{"VRF", header(0, 32, 0, 1, 0), attr(unix.FRA_L3MDEV, 1), other},
		{"group", header(0, 32, 0, 1, 0), attr(unix.FRA_SUPPRESS_IFGROUP, word(1)...), other},
		{"attribute of the future", header(0, 32, 0, 1, 0), attr(99, 1), other},
		{"type of service", header(0, 32, 4, 1, 0), nil, other},
		{"all but", header(0, 32, 0, 1, 2), nil, other},
		{"bits beyond the prefix", header(0, 24, 0, 1, 0), nil, unmasked},
		{"blackhole", header(0, 32, 0, unix.FR_ACT_BLACKHOLE, 0), nil, dropped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := append(tt.header, attr(unix.FRA_SRC, 192, 0, 2, 1)...)
			body = append(body, attr(unix.FRA_TABLE, word(10002)...)...)
			body = append(body, attr(unix.FRA_PROTOCOL, 110)...)
			got, ok := ruleOf(append(body, tt.more...))
			assert.True(t, ok)
			assert.Equal(t, tt.want, got)
		})
	}
	for _, body := range [][]byte{nil, header(0, 32, 0, 1, 0), append(header(0, 33, 0, 1, 0), attr(unix.FRA_SRC, 192, 0, 2, 1)...)} {
		_, ok := ruleOf(body)
		assert.False(t, ok, "%v", body)
	}
}

func TestEachRouteLeavesOut(t *testing.T) {
	for _, tt := range []struct {
		name string
		body []byte
	}{
		{"nothing", nil},
		{"cached clone", rtmsg(unix.AF_INET6, 0, 254, unix.RTN_UNICAST, unix.RTM_F_CLONED)},
		{"one source alone", []byte{unix.AF_INET6, 0, 64, 0, 254, 4, 0, 1, 0, 0, 0, 0}},
		{"one type of service", []byte{unix.AF_INET, 0, 0, 4, 254, 4, 0, 1, 0, 0, 0, 0}},
		{"another family", rtmsg(unix.AF_MPLS, 0, 254, unix.RTN_UNICAST, 0)},
		{"impossible prefix", rtmsg(unix.AF_INET, 33, 254, unix.RTN_UNICAST, 0)},
		{"destination of another family", append(rtmsg(unix.AF_INET6, 0, 254, unix.RTN_UNICAST, 0), attr(unix.RTA_DST, 10, 0, 0, 0)...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachRoute(tt.body, func(r hostnet.Route) { assert.Fail(t, "a route", "%+v", r) })
		})
	}
}

func TestVerdict(t *testing.T) {
	add, replace, del := hostnet.OpAdd, hostnet.OpReplace, hostnet.OpDelete
	for _, tt := range []struct {
		name   string
		op     hostnet.Op
		isRule bool
		err    unix.Errno
		want   error
	}{
		{"rule is there", add, true, unix.EEXIST, nil},
		{"route is there", add, false, unix.EEXIST, hostnet.ErrOccupied},
		{"rule is gone", del, true, unix.ENOENT, nil},
		{"route is gone", del, false, unix.ESRCH, nil},
		{"route to replace is gone", replace, false, unix.ENOENT, unix.ENOENT},
		{"link is gone", add, false, unix.ENODEV, hostnet.ErrLinkGone},
		{"anything else", add, true, unix.ENOMEM, unix.ENOMEM},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.ErrorIs(t, verdict(hostnet.Step{Op: tt.op, IsRule: tt.isRule}, tt.err), tt.want)
		})
	}
}

func TestExplained(t *testing.T) {
	said := attr(unix.NLMSGERR_ATTR_MSG, []byte("No such thing\x00")...)
	errno := word(^uint32(unix.EINVAL) + 1)
	short := raw(unix.RTM_NEWRULE, 0)
	const words, no = "invalid argument (No such thing)", "invalid argument"
	for _, tt := range []struct {
		name  string
		flags uint16
		body  [][]byte
		want  string
	}{
		{"capped", unix.NLM_F_ACK_TLVS | unix.NLM_F_CAPPED, [][]byte{errno, short, said}, words},
		{"with the message", unix.NLM_F_ACK_TLVS, [][]byte{errno, raw(unix.RTM_NEWRULE, 0, word(1)), said}, words},
		{"without words", unix.NLM_F_CAPPED, [][]byte{errno, short}, no},
		{"other words", unix.NLM_F_ACK_TLVS | unix.NLM_F_CAPPED, [][]byte{errno, short, attr(2, 1, 2, 3, 4)}, no},
		{"longer than it is", unix.NLM_F_ACK_TLVS, [][]byte{errno, word(1 << 30), short[4:], said}, no},
		{"cut off", unix.NLM_F_ACK_TLVS, [][]byte{errno}, no},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg, _, err := firstMessage(raw(unix.NLMSG_ERROR, tt.flags, tt.body...))
			require.NoError(t, err)
			err = explained(msg.err(), msg)
			assert.EqualError(t, err, tt.want)
			assert.ErrorIs(t, err, unix.EINVAL)
		})
	}
}

// TestDecodeAllocatesNothing is for a router, where a full table passes by.
func TestDecodeAllocatesNothing(t *testing.T) {
	var messages []message
	for _, s := range append(ruleSteps(hostnet.OpAdd, testRules()...), routeSteps(hostnet.OpAdd, testRoutes(3)...)...) {
		messages = append(messages, encoded(t, s))
	}
	for _, s := range addrSteps(hostnet.OpAdd, 3, testAddrs()...) {
		messages = append(messages, encodedLink(t, s))
	}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for _, msg := range messages {
			msg.decode(func(hostnet.Change) {})
			eachRoute(msg.body, func(hostnet.Route) {})
			_, _ = ruleOf(msg.body)
		}
	}))
}

// FuzzPolicyDecode feeds messages as the kernel's: what is decoded and is a
// netbrk's own shape says the same when it is encoded and decoded once more.
func FuzzPolicyDecode(f *testing.F) {
	var e encoder
	for _, s := range append(ruleSteps(hostnet.OpAdd, testRules()...), routeSteps(hostnet.OpAdd, testRoutes(3)...)...) {
		e.reset()
		e.step(s, 1)
		f.Add(e.buf[unix.SizeofNlMsghdr:])
	}
	hop := append([]byte{8, 0, 4, 0}, word(3)...)
	f.Add(append(rtmsg(unix.AF_INET, 0, 254, unix.RTN_UNICAST, 0), attr(unix.RTA_MULTIPATH, append(hop, hop...)...)...))
	for _, datagram := range recorded(f) {
		_, _ = eachMessage(datagram, func(m message) {
			switch m.kind {
			case unix.RTM_NEWRULE, unix.RTM_DELRULE, unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
				f.Add(m.body)
			}
		})
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, ok := ruleOf(body); ok && !r.Other && r.Family != 0 {
			again, ok := ruleOf(encoded(t, ruleSteps(hostnet.OpAdd, r)[0]).body)
			assert.True(t, ok)
			assert.Equal(t, r, again)
		}
		eachRoute(body, func(r hostnet.Route) {
			assert.True(t, r.Destination.IsValid())
			assert.Equal(t, r.Destination.Masked(), r.Destination)
			if r.Family() == hostnet.IPv6 {
				r.Scope = 0
			}
			r.Multipath = false
			var again []hostnet.Route
			eachRoute(encoded(t, routeSteps(hostnet.OpAdd, r)[0]).body, func(r hostnet.Route) { again = append(again, r) })
			assert.Equal(t, []hostnet.Route{r}, again)
		})
	})
}
