package plan_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

// policy puts rules at 100 to 103 and the table of ifindex 2 at 10002.
func policy() plan.Policy { return plan.Policy{TableBase: 10000, Priority: 100} }

// linkName returns the name of ifindex 2, ens2, and so on.
func linkName(index int) string { return "ens" + strconv.Itoa(index) }

// shape is a link in the words of ip(8), for tables.
type shape struct {
	index  int
	flags  uint32
	master int
	// addrs are such as "192.0.2.5/24", with a peer, a scope and flags.
	addrs []string
	// routes are those of main, such as "default via 192.0.2.1 metric 100".
	routes   []string
	ranges   []string
	gateways []plan.Gateway
}

const up = hostnet.FlagUp

func (s shape) link(t *testing.T) plan.Link {
	t.Helper()
	l := plan.Link{Gateways: s.gateways}
	l.Link = hostnet.Link{Index: s.index, Name: linkName(s.index), Flags: s.flags, MasterIndex: s.master}
	for _, text := range s.addrs {
		l.Addrs = append(l.Addrs, parseAddr(t, text))
	}
	for _, text := range s.routes {
		l.Routes = append(l.Routes, parseRoute(t, s.index, text))
	}
	for _, text := range s.ranges {
		l.Ranges = append(l.Ranges, netip.MustParsePrefix(text))
	}
	return l
}

// parseAddr reads "ADDRESS[/LENGTH] [peer ADDRESS/LENGTH] [scope link] FLAG...".
func parseAddr(t *testing.T, text string) hostnet.Addr {
	t.Helper()
	words := strings.Fields(text)
	var a hostnet.Addr
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "peer":
			i++
			peer := netip.MustParsePrefix(words[i])
			a.Peer = peer.Addr()
			a.Prefix = netip.PrefixFrom(netip.MustParseAddr(words[0]), peer.Bits())
		case "scope":
			i++
			a.Scope = map[string]uint8{"site": hostnet.ScopeSite, "link": hostnet.ScopeLink, "host": hostnet.ScopeHost}[words[i]]
		case "tentative":
			a.Flags |= hostnet.AddrTentative
		case "dadfailed":
			a.Flags |= hostnet.AddrDADFailed
		case "secondary":
			a.Flags |= hostnet.AddrSecondary
		case "noprefixroute":
			a.Flags |= hostnet.AddrNoPrefixRoute
		default:
			require.Fail(t, "unknown word", text)
		}
	}
	if !a.Prefix.IsValid() {
		a.Prefix = netip.MustParsePrefix(words[0])
	}
	return a
}

// parseRoute reads a unicast route as ip-route(8) shows it, in the main table.
func parseRoute(t *testing.T, index int, text string) hostnet.Route {
	t.Helper()
	words := strings.Fields(text)
	r := hostnet.Route{Table: hostnet.TableMain, Type: hostnet.RouteUnicast, Index: index, Protocol: 2}
	family := "0.0.0.0/0"
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "onlink":
			r.OnLink = true
			continue
		case "multipath":
			r.Multipath = true
			continue
		case "blackhole":
			r.Type = 6
			continue
		}
		require.Less(t, i+1, len(words), text)
		value := words[i+1]
		switch words[i] {
		case "via":
			r.Gateway = netip.MustParseAddr(value)
			if r.Gateway.Is6() {
				family = "::/0"
			}
		case "via4": // an IPv4 default route by an IPv6 gateway
			r.Gateway = netip.MustParseAddr(value)
		case "src":
			r.Source = netip.MustParseAddr(value)
		case "scope":
			require.Equal(t, "link", value)
			r.Scope = hostnet.ScopeLink
		case "metric", "mtu":
			number, err := strconv.ParseUint(value, 10, 32)
			require.NoError(t, err)
			if words[i] == "mtu" {
				r.MTUBytes = uint32(number)
			} else {
				r.Metric = uint32(number)
			}
		default:
			require.Fail(t, "unknown word", text)
		}
		i++
	}
	switch {
	case words[0] == "default":
		r.Destination = netip.MustParsePrefix(family)
	case strings.Contains(words[0], "/"):
		r.Destination = netip.MustParsePrefix(words[0])
	default:
		addr := netip.MustParseAddr(words[0])
		r.Destination = netip.PrefixFrom(addr, addr.BitLen())
	}
	return r
}

// commands renders steps as lines of ip(8), less what all of netbrk's have.
func commands(t *testing.T, steps []hostnet.Step) string {
	t.Helper()
	var b strings.Builder
	for _, s := range steps {
		line, ours := strings.CutSuffix(s.Command(linkName), " protocol 110")
		require.True(t, ours, s.Command(linkName))
		b.WriteString(line + "\n")
	}
	return b.String()
}

// dedent takes the tabs off the lines of a raw string.
func dedent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func gateway(addr, source string) plan.Gateway {
	return plan.Gateway{Addr: netip.MustParseAddr(addr), Source: source}
}

func via(addr, source string) plan.ChosenGateway {
	return plan.ChosenGateway{Addr: netip.MustParseAddr(addr), Source: source}
}

func linksOf(t *testing.T, shapes ...shape) []plan.Link {
	t.Helper()
	var links []plan.Link
	for _, s := range shapes {
		links = append(links, s.link(t))
	}
	return links
}
