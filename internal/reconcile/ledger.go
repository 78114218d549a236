package reconcile

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
	"github.com/netbrk/netbrk/internal/report"
)

// settle composes the entries of the links that were meant and, but in a dry
// run, saves them.
func (p *pass) settle(ledger Ledger) error {
	indexes := map[int]bool{0: true}
	for _, touched := range []map[int]bool{keys(p.records), keys(p.want.Links), keys(p.failed), keys(p.nics), p.only} {
		maps.Copy(indexes, touched)
	}
	for index, facts := range p.facts.Links {
		if p.managed(facts) {
			indexes[index] = true
		}
	}
	var failed []error
	for _, index := range slices.Sorted(maps.Keys(indexes)) {
		if index != 0 && !p.meant(index) {
			continue
		}
		entry, keep := p.entry(index)
		if index == 0 {
			p.result.Problems = entry.Problems
		} else if keep {
			p.result.Links = append(p.result.Links, entry)
		}
		if p.DryRun {
			continue
		}
		if keep {
			failed = append(failed, ledger.Save(entry))
		} else if _, known := p.records[index]; known {
			failed = append(failed, ledger.Remove(index))
		}
	}
	return errors.Join(failed...)
}

func keys[V any](m map[int]V) map[int]bool {
	set := make(map[int]bool, len(m))
	for k := range m {
		set[k] = true
	}
	return set
}

// entry composes what is kept of a link, and whether there is anything to keep.
func (p *pass) entry(index int) (report.LinkRules, bool) {
	if index == 0 {
		return p.hostEntry()
	}
	facts, exists := p.facts.Links[index]
	old := p.records[index]
	e := report.LinkRules{
		Index: index, Link: p.result.names[index], Table: p.Policy.Table(index),
		Addresses: []netip.Prefix{}, Routes: []string{},
		Problems: firstOf(p.failed[index]), Changed: p.changed(index, old),
		CarrierChanges: facts.Link.CarrierChanges,
	}
	outcome, wanted := p.want.Links[index]
	if wanted {
		p.describe(&e, outcome)
		e.Losses = old.Losses
		e.Contended = contended(e.Losses)
	} else if _, nic := p.nic(facts); exists && (nic || p.Managed(e.Link)) {
		e.Flushed = p.flushed(index)
	}
	if nic, ok := p.nics[index]; ok {
		e.Added, e.MTUSet = nic.Added, nic.MTUSet
		e.Notes = append(e.Notes, nic.Notes...)
		e.Losses = old.Losses
		e.Contended = contended(e.Losses)
	}
	return e, wanted || e.Flushed || len(e.Added) > 0 || e.MTUSet != 0 || len(e.Problems) > 0
}

// hostEntry is about the rule that the links share, and about being flushed as
// a whole.
func (p *pass) hostEntry() (report.LinkRules, bool) {
	old := p.records[0]
	e := report.LinkRules{
		Addresses: []netip.Prefix{}, Routes: []string{},
		Problems: firstOf(p.failed[0]), Changed: p.changed(0, old), Flushed: old.Flushed, Losses: old.Losses,
	}
	if p.only == nil && (p.Flush || p.ByHand) {
		e.Flushed = p.Flush
	}
	for _, r := range p.want.Rules {
		if r.Table == hostnet.TableMain {
			e.Addresses = append(e.Addresses, selector(r))
		}
	}
	slices.SortFunc(e.Addresses, netip.Prefix.Compare)
	e.Contended = contended(e.Losses)
	return e, e.Flushed || len(e.Addresses) > 0 || len(e.Problems) > 0
}

// changed is when something of the link was last written.
func (p *pass) changed(index int, old report.LinkRules) time.Time {
	if p.written[index] != nil {
		return p.now
	}
	return old.Changed
}

func (p *pass) describe(e *report.LinkRules, o plan.Outcome) {
	e.Addresses = append(e.Addresses, o.Addresses...) // sorted
	for _, r := range p.want.Routes {
		if r.Table == o.Table {
			e.Routes = append(e.Routes, r.Describe(e.Link))
		}
	}
	e.Gateway4, e.Gateway6 = gateway(o.Gateway4), gateway(o.Gateway6)
	e.Skipped, e.Notes = o.Skipped, o.Notes
}

func gateway(g plan.ChosenGateway) *report.RulesGateway {
	if !g.Addr.IsValid() && !g.Device {
		return nil
	}
	return &report.RulesGateway{Address: g.Addr, Source: g.Source}
}
