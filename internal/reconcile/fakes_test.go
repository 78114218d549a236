package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
	"github.com/netbrk/netbrk/internal/report"
)

// fakeKernel is a strict one in memory: it has what it is told, and refuses what
// the real one refuses.
type fakeKernel struct {
	t      *testing.T
	links  map[int]hostnet.LinkFacts
	rules  []hostnet.Rule
	routes []hostnet.Route
	// refuse says why a step fails; nil for none that does.
	refuse func(hostnet.Step) error
	// before is called before each Apply, as somebody else's hand.
	before func()
	err    error // of Facts
	// applyErr and linksErr are of a whole Apply, or ApplyLinks, which then does nothing.
	applyErr, linksErr error
	// slow is called in each Rules, whose error is rulesErr.
	slow     func()
	rulesErr error
	reads    int
	writes   int
}

func newFakeKernel(t *testing.T) *fakeKernel {
	return &fakeKernel{t: t, links: map[int]hostnet.LinkFacts{1: {Link: hostnet.Link{Index: 1, Name: "lo", Flags: hostnet.FlagUp | hostnet.FlagLoopback}}}}
}

// link adds a link that is up, with addresses and a gateway in the main table.
func (k *fakeKernel) link(index int, name, gateway string, addrs ...string) {
	facts := hostnet.LinkFacts{Link: hostnet.Link{Index: index, Name: name, Flags: hostnet.FlagUp | hostnet.FlagLowerUp, CarrierChanges: 1}}
	for _, a := range addrs {
		facts.Addrs = append(facts.Addrs, hostnet.Addr{Prefix: netip.MustParsePrefix(a)})
	}
	if gateway != "" {
		gw := netip.MustParseAddr(gateway)
		facts.Routes = append(facts.Routes, hostnet.Route{
			Table: hostnet.TableMain, Type: hostnet.RouteUnicast, Index: index, Gateway: gw, Protocol: 16,
			Destination: netip.PrefixFrom(map[bool]netip.Addr{true: netip.IPv4Unspecified(), false: netip.IPv6Unspecified()}[gw.Is4()], 0),
		})
	}
	k.links[index] = facts
}

func (k *fakeKernel) Facts(_ context.Context, detail func(hostnet.Link) bool) (hostnet.PolicyFacts, error) {
	k.reads++
	facts := hostnet.PolicyFacts{Links: map[int]hostnet.LinkFacts{}}
	for index, l := range k.links {
		if !detail(l.Link) {
			l = hostnet.LinkFacts{Link: l.Link}
		}
		facts.Links[index] = l
	}
	facts.Routes = slices.DeleteFunc(slices.Clone(k.routes), func(r hostnet.Route) bool { return r.Protocol != hostnet.Protocol })
	return facts, k.err
}

func (k *fakeKernel) Rules(context.Context) ([]hostnet.Rule, error) {
	if k.slow != nil {
		k.slow()
	}
	return slices.DeleteFunc(slices.Clone(k.rules), func(r hostnet.Rule) bool { return r.Protocol != hostnet.Protocol }), k.rulesErr
}

func (k *fakeKernel) Apply(_ context.Context, steps []hostnet.Step) (map[int]error, error) {
	if k.before != nil {
		k.before()
	}
	if k.applyErr != nil {
		return nil, k.applyErr
	}
	failed := map[int]error{}
	for i, s := range steps {
		k.writes++
		err := k.apply(s)
		if k.refuse != nil && err == nil {
			err = k.refuse(s)
		}
		if err != nil {
			failed[i] = err
		}
	}
	return failed, nil
}

func (k *fakeKernel) ApplyLinks(_ context.Context, steps []hostnet.LinkStep) (map[int]error, error) {
	if k.linksErr != nil {
		return nil, k.linksErr
	}
	for _, s := range steps {
		k.writes++
		facts := k.links[s.Index]
		at := slices.IndexFunc(facts.Addrs, func(a hostnet.Addr) bool { return a.Prefix == s.Addr.Prefix })
		switch {
		case !s.IsAddr() && s.Up:
			facts.Link.Flags |= hostnet.FlagUp
		case !s.IsAddr():
		case s.Op == hostnet.OpAdd:
			assert.Negative(k.t, at, "a second address %s", s.Addr.Prefix)
			facts.Addrs = append(slices.Clone(facts.Addrs), s.Addr)
		default:
			require.GreaterOrEqual(k.t, at, 0, "no address %s", s.Addr.Prefix)
			facts.Addrs = slices.Delete(slices.Clone(facts.Addrs), at, at+1)
		}
		if s.MTUBytes != 0 {
			facts.MTUBytes = s.MTUBytes
		}
		k.links[s.Index] = facts
	}
	return nil, nil
}

func (k *fakeKernel) apply(s hostnet.Step) error {
	protocol := s.Route.Protocol
	if s.IsRule {
		protocol = s.Rule.Protocol
	}
	require.EqualValues(k.t, hostnet.Protocol, protocol, "a step on somebody else's object: %s", s.Command(func(int) string { return "?" }))
	if s.IsRule {
		return k.applyRule(s)
	}
	at := slices.IndexFunc(k.routes, func(r hostnet.Route) bool { return r.Key() == s.Route.Key() })
	switch {
	case k.refuse != nil && k.refuse(s) != nil:
		return k.refuse(s)
	case s.Op == hostnet.OpAdd && at >= 0:
		return hostnet.ErrOccupied
	case s.Op == hostnet.OpAdd:
		if _, ok := k.links[s.Route.Index]; !ok {
			return hostnet.ErrLinkGone
		}
		k.routes = append(k.routes, s.Route)
	case at < 0:
		return errors.New("no such route")
	case s.Op == hostnet.OpReplace:
		k.routes[at] = s.Route
	default:
		k.routes = slices.Delete(k.routes, at, at+1)
	}
	return nil
}

func (k *fakeKernel) applyRule(s hostnet.Step) error {
	if k.refuse != nil && k.refuse(s) != nil {
		return k.refuse(s)
	}
	at := slices.Index(k.rules, s.Rule)
	if s.Op == hostnet.OpAdd {
		assert.Negative(k.t, at, "a second rule %s", s.Rule)
		k.rules = append(k.rules, s.Rule)
		return nil
	}
	if at < 0 {
		return errors.New("no such rule")
	}
	k.rules = slices.Delete(k.rules, at, at+1)
	return nil
}

// text shows rules and routes of ours, or of others, as ip(8) does.
func (k *fakeKernel) text(ours bool) []string {
	lines := []string{}
	for _, r := range k.rules {
		if (r.Protocol == hostnet.Protocol) == ours {
			lines = append(lines, fmt.Sprintf("%d: %s", r.Priority, strings.TrimSuffix(r.String(), fmt.Sprintf(" priority %d", r.Priority))))
		}
	}
	slices.Sort(lines)
	var routes []string
	for _, r := range k.routes {
		if (r.Protocol == hostnet.Protocol) == ours {
			routes = append(routes, r.Describe(k.links[r.Index].Link.Name))
		}
	}
	slices.Sort(routes)
	return append(lines, routes...)
}

// fakeLedger keeps copies, as files would.
type fakeLedger struct {
	saved map[int]report.LinkRules
	saves int
	err   error // of Load
	full  int   // the ifindex whose entry cannot be saved; 0 for none
}

func (l *fakeLedger) Load() (map[int]report.LinkRules, error) { return maps.Clone(l.saved), l.err }

func (l *fakeLedger) Save(r report.LinkRules) error {
	if l.full != 0 && r.Index == l.full {
		return errors.New("disk is full")
	}
	if !assert.ObjectsAreEqual(l.saved[r.Index], r) {
		l.saves++
	}
	l.saved[r.Index] = r
	return nil
}

func (l *fakeLedger) Remove(index int) error { delete(l.saved, index); return nil }

// bench is a host whose eth1 is managed.
type bench struct {
	t       *testing.T
	kernel  *fakeKernel
	ledger  *fakeLedger
	now     time.Time
	options Options
	lost    hostnet.Rule // that somebody removed last
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, kernel: newFakeKernel(t), ledger: &fakeLedger{saved: map[int]report.LinkRules{}}, now: time.Unix(1_700_000_000, 0).UTC()}
	b.kernel.link(2, "eth0", "192.0.2.1", "192.0.2.10/24")
	b.kernel.link(3, "eth1", "192.0.2.1", "192.0.2.20/24")
	b.options = Options{
		Policy:   plan.Policy{TableBase: 9999, Priority: 30000},
		Managed:  func(name string) bool { return strings.HasPrefix(name, "eth") && name != "eth0" },
		Gateways: func(hostnet.LinkFacts) []plan.Gateway { return nil },
		Keeper:   func(int) string { return "systemd-networkd" },
		Now:      func() time.Time { return b.now },
		Log:      slog.New(slog.DiscardHandler),
	}
	return b
}

// run makes a pass with the options changed.
func (b *bench) run(change ...func(*Options)) Result {
	b.t.Helper()
	o := b.options
	for _, f := range change {
		f(&o)
	}
	r, err := Run(b.t.Context(), b.kernel, b.ledger, o)
	require.NoError(b.t, err)
	return r
}

func byHand(o *Options) { o.ByHand = true }
func flush(o *Options)  { o.ByHand, o.Flush = true, true }
func only(names ...string) func(*Options) {
	return func(o *Options) { o.Links = names }
}

// eth1Text is what eth1 gets.
func eth1Text() []string {
	return []string{
		"30000: from 192.0.2.20 lookup 10002 suppress_prefixlength 0",
		"30001: from all lookup main suppress_prefixlength 0",
		"30002: from 192.0.2.20 lookup 10002",
		"30003: from all to 192.0.2.20/32 lookup 10002",
		"192.0.2.0/24 dev eth1 table 10002 scope link src 192.0.2.20",
		"default via 192.0.2.1 dev eth1 table 10002",
	}
}
