package explain

import (
	"errors"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/hosttest"
)

var (
	from = netip.MustParseAddr("192.0.2.20")
	to   = netip.MustParseAddr("203.0.113.1")
)

func rule(priority, table uint32, change ...func(*hostnet.FIBRule)) hostnet.FIBRule {
	r := hostnet.FIBRule{Family: hostnet.IPv4, Priority: priority, Action: "lookup", Table: table, SuppressPrefixLength: hostnet.NoSuppress}
	for _, c := range change {
		c(&r)
	}
	return r
}

func fromTwenty(r *hostnet.FIBRule) { r.From = netip.MustParsePrefix("192.0.2.20/32") }
func suppress(r *hostnet.FIBRule)   { r.SuppressPrefixLength = 0 }
func not(r *hostnet.FIBRule)        { r.Not = true }

func route(table uint32, destination, gateway, link string, change ...func(*hostnet.FIBRoute)) hostnet.FIBRoute {
	r := hostnet.FIBRoute{Table: table, Type: "unicast", Destination: netip.MustParsePrefix(destination), Link: link}
	if gateway != "" {
		r.Gateway = netip.MustParseAddr(gateway)
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func of(kind string) func(*hostnet.FIBRoute) { return func(r *hostnet.FIBRoute) { r.Type = kind } }

// routed is a host with two NICs in a subnet, the second of which netbrk cares for.
var routed = Host{
	Rules: []hostnet.FIBRule{
		rule(0, 255), rule(30000, 10002, fromTwenty, suppress), rule(30001, 254, suppress), rule(30002, 10002, fromTwenty), rule(32766, 254), rule(32767, 253),
	},
	Tables: Tables{
		254:   {route(254, "0.0.0.0/0", "192.0.2.1", "eth0"), route(254, "192.0.2.0/24", "", "eth0"), route(254, "10.0.0.0/8", "", "docker0")},
		10002: {route(10002, "0.0.0.0/0", "192.0.2.254", "eth1"), route(10002, "192.0.2.0/24", "", "eth1")},
	},
	Links: map[netip.Addr]string{from: "eth1", netip.MustParseAddr("192.0.2.10"): "eth0"},
}

func outcomes(w Walk) string {
	var words []string
	for _, s := range w.Steps {
		words = append(words, s.Outcome)
	}
	return strings.Join(words, ", ")
}

func TestRules(t *testing.T) {
	for _, tt := range []struct {
		name, from, to  string
		outcomes, route string
	}{
		{"by the link's default route", "192.0.2.20", "203.0.113.1", "no route, suppressed, suppressed, decides", "default via 192.0.2.254 dev eth1"},
		{"to a neighbour", "192.0.2.20", "192.0.2.77", "no route, decides", "192.0.2.0/24 dev eth1"},
		{"to a container", "192.0.2.20", "10.1.1.1", "no route, suppressed, decides", "10.0.0.0/8 dev docker0"},
		{"from the other NIC", "192.0.2.10", "203.0.113.1", "no route, skipped, suppressed, skipped, decides", "default via 192.0.2.1 dev eth0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := Rules(routed.Rules, routed.Tables, netip.MustParseAddr(tt.from), netip.MustParseAddr(tt.to))
			assert.Equal(t, tt.outcomes, outcomes(w))
			assert.Equal(t, "route", w.Verdict)
			assert.Equal(t, tt.route, w.Route.String())
			assert.True(t, w.Certain)
		})
	}
}

func TestRulesOfOthers(t *testing.T) {
	only := Tables{254: {route(254, "0.0.0.0/0", "192.0.2.1", "eth0")}, 7: {route(7, "0.0.0.0/0", "192.0.2.7", "eth0")}}
	main := rule(32766, 254)
	for _, tt := range []struct {
		name     string
		rules    []hostnet.FIBRule
		tables   Tables
		outcomes string
		verdict  string
		unsure   bool
	}{
		{"no rule at all", nil, only, "", "no route", false},
		{"marked", []hostnet.FIBRule{rule(5, 7, func(r *hostnet.FIBRule) { r.Mark, r.Mask = 1, 0xff }), main}, only, "skipped, decides", "route", false},
		{"of a link", []hostnet.FIBRule{rule(5, 7, func(r *hostnet.FIBRule) { r.InLink = "eth1" }), main}, only, "skipped, decides", "route", false},
		{"of the host itself", []hostnet.FIBRule{rule(5, 7, func(r *hostnet.FIBRule) { r.InLink = "lo" }), main}, only, "decides", "route", false},
		{"bound", []hostnet.FIBRule{rule(5, 7, func(r *hostnet.FIBRule) { r.OutLink = "eth1" }), main}, only, "skipped, decides", "route", false},
		{"of a user", []hostnet.FIBRule{rule(5, 7, func(r *hostnet.FIBRule) { r.Others = []string{"uidrange"} }), main}, only, "not judged, decides", "route", true},
		{"of a user, and from elsewhere", []hostnet.FIBRule{rule(5, 7, func(r *hostnet.FIBRule) {
			r.Others, r.From = []string{"uidrange"}, netip.MustParsePrefix("10.0.0.0/8")
		}), main}, only, "skipped, decides", "route", false},
		{"not from there", []hostnet.FIBRule{rule(5, 7, fromTwenty, not), main}, only, "skipped, decides", "route", false},
		{"not from elsewhere", []hostnet.FIBRule{rule(5, 7, not, func(r *hostnet.FIBRule) { r.From = netip.MustParsePrefix("10.0.0.0/8") }), main}, only, "decides", "route", false},
		{"goto", []hostnet.FIBRule{
			rule(5, 0, func(r *hostnet.FIBRule) { r.Action, r.Goto = "goto", 100 }), rule(6, 7), rule(100, 0, func(r *hostnet.FIBRule) { r.Action = "nop" }), main,
		}, only, "jumped, passed, decides", "route", false},
		{"prohibited", []hostnet.FIBRule{rule(5, 0, func(r *hostnet.FIBRule) { r.Action = "prohibit" }), main}, only, "decides", "prohibit", false},
		{"thrown", []hostnet.FIBRule{rule(5, 7), main}, Tables{254: only[254], 7: {route(7, "0.0.0.0/0", "", "", of("throw"))}}, "no route, decides", "route", false},
		{"blackhole that is not suppressed", []hostnet.FIBRule{rule(5, 7, suppress), main}, Tables{254: only[254], 7: {route(7, "0.0.0.0/0", "", "", of("blackhole"))}}, "decides", "blackhole", false},
		{"dead", []hostnet.FIBRule{rule(5, 7), main}, Tables{254: only[254], 7: {route(7, "0.0.0.0/0", "192.0.2.7", "eth1", func(r *hostnet.FIBRoute) { r.Dead = true })}}, "no route, decides", "route", false},
		{"of the other family", []hostnet.FIBRule{{Family: hostnet.IPv6, Action: "lookup", Table: 7}, main}, only, "decides", "route", false},
		{"an action of tomorrow", []hostnet.FIBRule{rule(5, 0, func(r *hostnet.FIBRule) { r.Action = "action 9" }), main}, only, "not judged, decides", "route", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := Rules(tt.rules, tt.tables, from, to)
			assert.Equal(t, tt.outcomes, outcomes(w))
			assert.Equal(t, tt.verdict, w.Verdict)
			assert.Equal(t, !tt.unsure, w.Certain)
		})
	}
}

func TestLongest(t *testing.T) {
	routes := []hostnet.FIBRoute{
		route(254, "0.0.0.0/0", "192.0.2.1", "a", func(r *hostnet.FIBRoute) { r.Metric = 100 }),
		route(254, "0.0.0.0/0", "192.0.2.2", "b", func(r *hostnet.FIBRoute) { r.Metric = 50 }),
		route(254, "203.0.0.0/8", "192.0.2.3", "c", func(r *hostnet.FIBRoute) { r.Metric = 1000 }),
	}
	assert.Equal(t, "c", longest(routes, to).Link)
	assert.Equal(t, "b", longest(routes[:2], to).Link)
	assert.Nil(t, longest(nil, to))
}

func TestExplain(t *testing.T) {
	kernels := Answer{Route: *Rules(routed.Rules, routed.Tables, from, to).Route}
	steps := []string{"ip -4 rule add from 192.0.2.20 lookup 10002 priority 30002 protocol 110", "ip -4 rule add from 192.0.2.2 lookup 7"}
	e := Explain(routed, from, to, kernels, 10002, steps)
	assert.Equal(t, "eth1", e.Link)
	assert.True(t, e.Agrees)
	assert.Equal(t, "default via 192.0.2.1 dev eth0", e.Main.String())
	assert.Equal(t, steps[:1], e.Missing)
	other := Explain(routed, from, to, Answer{Route: routed.Tables[254][0]}, 0, nil)
	assert.False(t, other.Agrees)
	assert.False(t, Explain(routed, from, to, Answer{Err: errors.New("network is unreachable")}, 0, nil).Agrees)
	assert.True(t, Explain(Host{}, from, to, Answer{Err: errors.New("network is unreachable")}, 0, nil).Agrees)
}

func TestOutside(t *testing.T) {
	assert.Equal(t, "203.0.113.1", Outside(hostnet.IPv4, routed.Tables).String())
	assert.Equal(t, "198.51.100.1", Outside(hostnet.IPv4, Tables{7: {route(7, "203.0.113.0/24", "", "eth0")}}).String())
	assert.Equal(t, "2001:db8:ffff::1", Outside(hostnet.IPv6, nil).String())
}

// TestDot has Graphviz read the picture, odd names of links included.
func TestDot(t *testing.T) {
	h := routed
	h.Links = map[netip.Addr]string{from: `a"b\`, netip.MustParseAddr("192.0.2.10"): "eth0"}
	text := Dot(h, Host{})
	for _, want := range []string{
		`"address 192.0.2.20" -> "link a\"b\\" [label="on"];`, `"address 192.0.2.20" -> "rule 2 1" [label="from"];`,
		`"rule 2 1" -> "table 10002" [label=""];`, `"table 10002" -> "gateway 192.0.2.254" [label="default"];`,
		`"gateway 192.0.2.254" -> "link eth1" [label="by"];`, `"table 254" -> "link docker0" [label="10.0.0.0/8"];`,
	} {
		assert.Contains(t, text, "  "+want+"\n")
	}
	dot, err := exec.LookPath("dot")
	if err != nil {
		hosttest.Lacks(t, "no graphviz on this machine")
	}
	cmd := exec.Command(dot, "-Tsvg")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "</svg>")
}

// TestRulesAsTheKernelReadsThem has what `ip route get` showed on Linux to go by
// table 7, though it looks as if main decided.
func TestRulesAsTheKernelReadsThem(t *testing.T) {
	tables := Tables{254: {route(254, "0.0.0.0/0", "192.0.2.1", "eth0")}, 7: {route(7, "0.0.0.0/0", "192.0.2.254", "eth1")}}
	for _, tt := range []struct {
		name  string
		rules []hostnet.FIBRule
		table uint32
	}{
		{"goto without a target", []hostnet.FIBRule{
			rule(10, 0, func(r *hostnet.FIBRule) { r.Action, r.Goto = "goto", 20 }), rule(15, 7), rule(32766, 254),
		}, 7},
		{"mark outside its mask", []hostnet.FIBRule{
			rule(15, 7, func(r *hostnet.FIBRule) { r.Mark, r.Mask = 0x10, 0x1 }), rule(32766, 254),
		}, 7},
		{"mark within its mask", []hostnet.FIBRule{
			rule(15, 7, func(r *hostnet.FIBRule) { r.Mark, r.Mask = 0x10, 0x10 }), rule(32766, 254),
		}, 254},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := Rules(tt.rules, tables, from, to)
			require.NotNil(t, w.Route)
			assert.Equal(t, tt.table, w.Route.Table)
			assert.True(t, w.Certain)
		})
	}
}
