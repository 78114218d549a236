package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

func TestPolicyLinkFacts(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	l.ip("addr add 198.51.100.1 peer 198.51.100.2/32 dev va")
	l.ip("route add default via 192.0.2.254 dev va metric 100")
	l.ip("-6 route add default via fe80::1 dev va metric 1024")
	l.ip("route add 10.9.0.0/16 via 203.0.113.254 dev vb")
	l.ip("route add 10.8.0.0/16 nexthop via 192.0.2.253 dev va nexthop via 203.0.113.253 dev vb")
	l.ip("-6 route add 2001:db8:8::/48 nexthop via fe80::3 dev va nexthop via fe80::4 dev vb")
	l.ip("route add blackhole 10.7.0.0/16")
	l.ip("route add 10.6.0.0/16 dev va table 7")
	l.ip("route add local 10.5.0.0/24 dev va")

	for name, detail := range map[string]func(hostnet.Link) bool{
		"one link":   func(link hostnet.Link) bool { return link.Name == "va" },
		"every link": func(hostnet.Link) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			facts, err := l.p.Facts(t.Context(), detail)
			require.NoError(t, err)
			assert.Len(t, facts.Links, 3)
			va := facts.Links[l.index]
			assert.Equal(t, "va", va.Link.Name)
			var addrs []string
			for _, a := range va.Addrs {
				if a.Scope != hostnet.ScopeLink {
					addrs = append(addrs, strings.TrimSuffix(a.Prefix.String()+" peer "+a.Peer.String(), " peer invalid IP"))
				}
			}
			assert.ElementsMatch(t, []string{"192.0.2.1/24", "198.51.100.1/32 peer 198.51.100.2", "2001:db8::1/64"}, addrs)
			assert.Equal(t, []netip.Prefix{prefix("10.5.0.0/24")}, va.Ranges)
			assert.ElementsMatch(t, mainRoutes(l.index), withoutLinkLocal(va.Routes))
			if name == "one link" {
				assertNoDetail(t, facts.Links[l.peer])
			} else {
				assert.Len(t, withoutLinkLocal(facts.Links[l.peer].Routes), 5)
			}
		})
	}
}

// assertNoDetail is for a link that was not asked for, or that went.
func assertNoDetail(t *testing.T, l hostnet.LinkFacts) {
	t.Helper()
	assert.Empty(t, l.Addrs)
	assert.Empty(t, l.Routes)
	assert.Empty(t, l.Ranges)
}

// mainRoutes are what TestPolicyLinkFacts sets by va, as it is to be told.
func mainRoutes(index int) []hostnet.Route {
	const kernel, boot = unix.RTPROT_KERNEL, unix.RTPROT_BOOT
	routes := []hostnet.Route{
		{Destination: prefix("192.0.2.0/24"), Protocol: kernel, Scope: hostnet.ScopeLink, Source: address("192.0.2.1")},
		{Destination: prefix("198.51.100.2/32"), Protocol: kernel, Scope: hostnet.ScopeLink, Source: address("198.51.100.1")},
		{Destination: prefix("0.0.0.0/0"), Protocol: boot, Gateway: address("192.0.2.254"), Metric: 100},
		{Destination: prefix("10.8.0.0/16"), Protocol: boot, Gateway: address("192.0.2.253"), Multipath: true},
		{Destination: prefix("2001:db8::/64"), Protocol: kernel, Metric: 256},
		{Destination: prefix("::/0"), Protocol: boot, Gateway: address("fe80::1"), Metric: 1024},
		{Destination: prefix("2001:db8:8::/48"), Protocol: boot, Gateway: address("fe80::3"), Metric: 1024, Multipath: true},
	}
	for i := range routes {
		routes[i].Table, routes[i].Type, routes[i].Index = hostnet.TableMain, hostnet.RouteUnicast, index
	}
	return routes
}

// withoutLinkLocal leaves out the route that comes whenever the kernel is done
// with the link's own address.
func withoutLinkLocal(routes []hostnet.Route) []hostnet.Route {
	return slices.DeleteFunc(slices.Clone(routes), func(r hostnet.Route) bool {
		return r.Destination.Addr().IsLinkLocalUnicast()
	})
}

func TestPolicyManyLinks(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	for i := range maxLinkDumps {
		l.ns.VethPair(t, fmt.Sprintf("wa%d", i), fmt.Sprintf("wb%d", i))
	}
	l.ip("route add local 10.5.0.0/24 dev va")
	one, err := l.p.Facts(t.Context(), func(link hostnet.Link) bool { return link.Index == l.index })
	require.NoError(t, err)
	all := l.facts()
	assert.Len(t, all.Links, 3+2*maxLinkDumps)
	want, got := one.Links[l.index], all.Links[l.index]
	assert.Equal(t, withoutLinkLocal(want.Routes), withoutLinkLocal(got.Routes))
	assert.Equal(t, want.Ranges, got.Ranges)
	assert.Equal(t, []netip.Prefix{prefix("10.5.0.0/24")}, got.Ranges)
}

func TestPolicyLinkHardware(t *testing.T) {
	l := newPolicyLab(t)
	l.ip("link set va address 02:00:5E:00:53:0a mtu 9001")
	far := netnstest.New(t)
	l.ip("link add vc type veth peer name vd netns " + far.Path())
	facts, err := l.p.Facts(t.Context(), func(hostnet.Link) bool { return false })
	require.NoError(t, err)
	type hardware struct {
		mac              string
		parent, mtuBytes int
	}
	got := map[string]hardware{}
	for _, f := range facts.Links {
		got[f.Link.Name] = hardware{f.MAC, f.ParentIndex, f.MTUBytes}
	}
	assert.Equal(t, hardware{"", 0, 65536}, got["lo"])
	assert.Equal(t, hardware{"02:00:5e:00:53:0a", l.peer, 9001}, got["va"])
	assert.Equal(t, l.index, got["vb"].parent, "a veth's IFLA_LINK is its peer")
	assert.Zero(t, got["vc"].parent, "an ifindex of another namespace")
	assert.Equal(t, 1500, got["vc"].mtuBytes)
}

func TestPolicyMaster(t *testing.T) {
	l := newPolicyLab(t)
	for _, kind := range []string{"bridge", "vrf table 7", "bond"} {
		t.Run(strings.Fields(kind)[0], func(t *testing.T) {
			attrs := netlink.NewLinkAttrs()
			attrs.Name = "above"
			var master netlink.Link
			switch kind {
			case "bridge":
				master = &netlink.Bridge{LinkAttrs: attrs}
			case "bond":
				master = netlink.NewLinkBond(attrs)
			default:
				master = &netlink.Vrf{LinkAttrs: attrs, Table: 7}
			}
			err := l.ns.Netlink().LinkAdd(master)
			if kind != "bridge" && errors.Is(err, unix.EOPNOTSUPP) {
				t.Skip("this kernel was built without it, which nothing that CI installs can mend")
			}
			require.NoError(t, err)
			defer l.ip("link del above")
			l.ip("link set vb down")
			l.ip("link set vb master above")
			facts := l.facts()
			assert.Equal(t, master.Attrs().Index, facts.Links[l.peer].Link.MasterIndex)
		})
	}
}

func TestPolicyWithoutIPv6(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	l.ns.Do(t, func() {
		require.NoError(t, os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0))
	})
	rule := testRules()[0]
	l.apply(ruleSteps(hostnet.OpAdd, rule)...)
	facts := l.facts()
	assert.Equal(t, []hostnet.Rule{rule}, l.rules())
	assert.Len(t, facts.Links[l.index].Addrs, 1)
}

// TestPolicyRuleDumpIsConsistent reads rules while others come and go before
// them: each reading that is not refused has every one, once.
func TestPolicyRuleDumpIsConsistent(t *testing.T) {
	l := newPolicyLab(t)
	rules := manyRules(2000, 30002)
	l.apply(ruleSteps(hostnet.OpAdd, rules...)...)
	other := netlink.NewRule()
	other.Priority, other.Table = 100, 4242
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			if err = l.ns.Netlink().RuleAdd(other); err == nil {
				err = l.ns.Netlink().RuleDel(other)
			}
		}
		done <- err
	}()
	refused := 0
	for range 30 {
		got, err := l.p.Rules(t.Context())
		if err != nil {
			refused++
			require.ErrorIs(t, err, ErrInterrupted)
			continue
		}
		require.Equal(t, rules, got)
	}
	cancel()
	require.NoError(t, <-done)
	t.Logf("%d of 30 readings were refused", refused)
	got, err := l.p.Rules(t.Context())
	require.NoError(t, err)
	assert.Equal(t, rules, got)
}

func TestPolicyRuleDumpTellsOfChanges(t *testing.T) {
	l := newPolicyLab(t)
	rule := testRules()[0]
	require.NoError(t, l.p.socket.join(unix.RTNLGRP_IPV4_RULE))
	tries := 0
	var kinds []uint16
	err := l.p.dump(t.Context(), dumpRequest(hostnet.ObjectRule), func() {
		if tries++; tries == 1 {
			l.ip("rule " + strings.TrimPrefix(hostnet.Step{Rule: rule, IsRule: true}.Command(nil), "ip -4 rule"))
		}
		kinds = nil
	}, func(msg message) { kinds = append(kinds, msg.kind) })
	require.NoError(t, err)
	assert.Equal(t, 2, tries)
	assert.Equal(t, uint16(unix.NLMSG_DONE), kinds[len(kinds)-1])

	err = l.p.dump(t.Context(), dumpRequest(hostnet.ObjectRule), func() {
		l.ip("rule add from 192.0.2.9 lookup 7")
		l.ip("rule del from 192.0.2.9 lookup 7")
	}, func(message) {})
	assert.ErrorIs(t, err, ErrInterrupted)
}
