package reconcile

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

const (
	// An object that is gone again within quickly counts quickWeight, within
	// slowly 1, and later it is a new story. A networkd that is reconfigured ten
	// times in a row must not look like somebody who fights for the object.
	quickly     = 2 * time.Second
	slowly      = time.Minute
	quickWeight = 4
	// patience is the score up to which an object is put back at once. Past it
	// the wait begins at a second and doubles with each further quick loss, up to
	// maxHold.
	patience = 64
	maxHold  = time.Minute
	maxScore = patience + 1 + 6*quickWeight // 1 s doubled six times is past maxHold
	// maxLosses bounds how many objects of a link are followed one by one.
	maxLosses = 64
	allOfLink = "all of the link"
)

// mendTimes takes in that the clock was set back: what the ledger has of a time that
// is yet to come was now, at the latest. What was to be held back until then would
// be so for as long as the clock was ahead.
func (p *pass) mendTimes() {
	for index, r := range p.records {
		r.Changed = p.past(r.Changed)
		for i := range r.Losses {
			l := &r.Losses[i]
			l.Added, l.Since = p.past(l.Added), p.past(l.Since)
			if l.RetryAt.After(p.now.Add(maxHold)) {
				l.RetryAt = p.now
			}
		}
		p.records[index] = r
	}
}

func (p *pass) past(at time.Time) time.Time {
	if at.After(p.now) {
		return p.now
	}
	return at
}

// weigh compares what is missing with what the last pass left: each object that
// it wanted, and that is not there, was removed by somebody.
func (p *pass) weigh(steps []hostnet.Step) {
	missing := map[int]map[string]bool{}
	left := routesLeft{}
	for _, s := range steps {
		index := p.indexOf(s)
		if s.Op != hostnet.OpAdd || !p.wasWanted(index, s, left) {
			continue
		}
		if missing[index] == nil {
			missing[index] = map[string]bool{}
		}
		missing[index][p.object(s)] = true
	}
	for index, r := range p.records {
		r.Losses = p.losses(r, missing[index])
		p.release(r.Losses)
		p.records[index] = r
	}
}

// release ends the wait of what is due and was not found missing: another hand put
// it back, it is not wanted any more, or this pass, which nothing keeps from adding
// it, cannot tell. Left waiting, it would be contended for ever.
func (p *pass) release(losses []report.Loss) {
	for i := range losses {
		if l := &losses[i]; !l.RetryAt.IsZero() && !l.RetryAt.After(p.now) {
			l.RetryAt, l.Added = time.Time{}, p.now
		}
	}
}

// weighAddresses does so for a NIC's addresses.
func (p *pass) weighAddresses(index int, missing map[string]bool) {
	r := p.records[index]
	known := map[string]bool{}
	for _, a := range r.Added {
		known[addressObject(a)] = true
	}
	for object := range missing {
		if !known[object] || len(r.Problems) > 0 {
			delete(missing, object)
		}
	}
	if r.Index == index && len(missing) > 0 {
		r.Losses = p.losses(r, missing)
		p.records[index] = r
	}
}

func addressObject(p netip.Prefix) string { return "address " + p.String() }

// losses brings a link's list up to date with what is missing now.
func (p *pass) losses(r report.LinkRules, missing map[string]bool) []report.Loss {
	if len(missing) > maxLosses {
		missing = map[string]bool{allOfLink: true}
	}
	var kept []report.Loss
	for _, l := range r.Losses {
		switch {
		case missing[l.Object]:
			delete(missing, l.Object)
			kept = append(kept, p.lost(l))
		case p.now.Sub(l.Added) < slowly || !l.RetryAt.IsZero():
			kept = append(kept, l)
		}
	}
	for object := range missing {
		if len(kept) < maxLosses {
			kept = append(kept, p.lost(report.Loss{Object: object, Added: r.Changed}))
		}
	}
	slices.SortFunc(kept, func(a, b report.Loss) int { return strings.Compare(a.Object, b.Object) })
	return kept
}

// lost takes in that an object is missing.
func (p *pass) lost(l report.Loss) report.Loss {
	if !l.RetryAt.IsZero() { // it was not put back yet
		if p.ByHand || !p.now.Before(l.RetryAt) {
			l.RetryAt, l.Added = time.Time{}, p.now
		}
		return l
	}
	switch survived := p.now.Sub(l.Added); {
	case survived < quickly:
		l.Score += quickWeight
	case survived < slowly:
		l.Score++
	default:
		l = report.Loss{Object: l.Object, Score: 1}
	}
	if l.Count == 0 {
		l.Since = p.now
	}
	l.Count++
	l.Score = min(l.Score, maxScore)
	if hold := holdFor(l.Score); hold > 0 && !p.ByHand {
		l.RetryAt = p.now.Add(hold)
	} else {
		l.Added = p.now
	}
	return l
}

// holdFor is how long an object of that score is left alone.
func holdFor(score int) time.Duration {
	if score <= patience {
		return 0
	}
	return min(time.Second<<((score-patience-1)/quickWeight), maxHold)
}

// routesLeft are the routes that the last pass left, by ifindex: of those links that
// were asked for. A link may have a full table of them.
type routesLeft map[int]map[string]bool

func (l routesLeft) has(r report.LinkRules, route string) bool {
	routes, ok := l[r.Index]
	if !ok {
		routes = make(map[string]bool, len(r.Routes))
		for _, route := range r.Routes {
			routes[route] = true
		}
		l[r.Index] = routes
	}
	return routes[route]
}

// wasWanted reports whether the last pass wanted, and had, the object.
func (p *pass) wasWanted(index int, s hostnet.Step, left routesLeft) bool {
	r, ok := p.records[index]
	if !ok || r.Flushed || len(r.Problems) > 0 {
		return false
	}
	if s.IsRule {
		_, found := slices.BinarySearchFunc(r.Addresses, selector(s.Rule), netip.Prefix.Compare)
		return found
	}
	// Routes go with the carrier's link being set down, and with its last
	// address: the kernel's doing, and nobody's fault.
	return r.CarrierChanges == p.facts.Links[index].Link.CarrierChanges &&
		left.has(r, s.Route.Describe(p.result.LinkName(index)))
}

// object names what a step is about, for people: the three rules of an address
// are one object.
func (p *pass) object(s hostnet.Step) string {
	if s.IsRule {
		if s.Rule.Table == hostnet.TableMain {
			return "lookup main of " + selector(s.Rule).String()
		}
		return selector(s.Rule).String()
	}
	return s.Route.Describe(p.result.LinkName(p.indexOf(s)))
}

// selector is the address of a rule; that of the main table's is every one.
func selector(r hostnet.Rule) netip.Prefix {
	switch {
	case r.From.IsValid():
		return r.From
	case r.To.IsValid():
		return r.To
	case r.Family == hostnet.IPv6:
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// heldBack reports whether a step has to wait: somebody keeps removing what it
// would add.
func (p *pass) heldBack(s hostnet.Step) bool {
	index := p.indexOf(s)
	// Most links have lost nothing, and to name 30,000 objects takes a while.
	return s.Op == hostnet.OpAdd && len(p.records[index].Losses) > 0 && p.waits(index, p.object(s))
}

// waits reports whether an object of a link is held back.
func (p *pass) waits(index int, object string) bool {
	for _, l := range p.records[index].Losses {
		if (l.Object == object || l.Object == allOfLink) && l.RetryAt.After(p.now) {
			if p.result.RetryAt.IsZero() || l.RetryAt.Before(p.result.RetryAt) {
				p.result.RetryAt = l.RetryAt
			}
			return true
		}
	}
	return false
}

// contended names the objects that are, or lately were, held back.
func contended(losses []report.Loss) []string {
	var names []string
	for _, l := range losses {
		if l.Score > patience {
			names = append(names, l.Object)
		}
	}
	return names
}
