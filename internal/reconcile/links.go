package reconcile

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
	"github.com/netbrk/netbrk/internal/report"
)

// nic returns what the cloud tells of a link. An ifindex may have been given to
// another link since, which its MAC address tells.
func (p *pass) nic(facts hostnet.LinkFacts) (report.CloudLink, bool) {
	nic, ok := p.Cloud[facts.Link.Index]
	return nic, ok && nic.Rival == "" && nic.NIC.MAC == facts.MAC
}

// planLink adds what the cloud knows to what the kernel knows.
func (p *pass) planLink(facts hostnet.LinkFacts) plan.Link {
	link := plan.Link{LinkFacts: facts, Gateways: p.Gateways(facts)}
	nic, ok := p.nic(facts)
	if !ok {
		return link
	}
	link.Gateways = append(link.Gateways, plan.CloudGateways(nic.NIC)...)
	// Of the ranges that are ours those count that are wanted, not those that are
	// there.
	link.Ranges = slices.DeleteFunc(slices.Clone(link.Ranges), func(r netip.Prefix) bool {
		return slices.ContainsFunc(p.facts.Routes, func(o hostnet.Route) bool {
			return o.Table == hostnet.TableLocal && o.Index == facts.Link.Index && o.Destination == r
		})
	})
	for _, r := range p.nics[facts.Link.Index].Routes {
		if r.Table == hostnet.TableLocal {
			link.Ranges = append(link.Ranges, r.Destination)
		}
	}
	link.Routes = slices.Concat(link.Routes, plan.CloudRoutes(nic.NIC, facts.Link.Index))
	return link
}

// convergeLinks brings the NICs' links and addresses in line, and reports whether
// that changed what the kernel knows of them.
func (p *pass) convergeLinks(ctx context.Context, k Kernel, ledger Ledger, first bool) (changed bool, err error) {
	steps := p.linkSteps(first)
	if len(steps) == 0 {
		return false, nil
	}
	if p.DryRun {
		p.result.LinkSteps = steps
		p.imagine(steps)
		p.linkSteps(false)
		return false, nil
	}
	// The ledger first: an address that is there and not in it would be nobody's.
	if err := p.foresee(ledger); err != nil {
		return false, err
	}
	failed, err := k.ApplyLinks(ctx, steps)
	if err != nil {
		return false, err
	}
	for i, s := range steps {
		if err := failed[i]; err != nil {
			p.failed[s.Index] = append(p.failed[s.Index], err.Error())
			continue
		}
		p.result.LinkSteps = append(p.result.LinkSteps, s)
		p.count(s.Index, s.Op)
	}
	return true, nil
}

// linkSteps plans for every link that is a NIC, and for those that were one, and
// returns the steps of those that are meant.
func (p *pass) linkSteps(first bool) []hostnet.LinkStep {
	p.nics = map[int]plan.LinkWant{}
	var steps []hostnet.LinkStep
	for _, index := range slices.Sorted(maps.Keys(p.facts.Links)) {
		facts, record := p.facts.Links[index], p.records[index]
		nic, ok := p.nic(facts)
		if !ok && len(record.Added) == 0 {
			continue
		}
		var want plan.LinkWant
		if ok && !p.flushed(index) {
			want = plan.WantLink(plan.CloudLink{
				LinkFacts: facts, NIC: nic.NIC, Keeper: p.Keeper(index), Added: record.Added, MTUSet: record.MTUSet,
			})
		} else {
			want = plan.Forget(facts, record.Added)
		}
		p.nics[index] = want
		if !p.meant(index) {
			continue // its ranges count for what the links share
		}
		if first {
			p.tallyAddresses(want)
		}
		steps = append(steps, p.notHeldBack(index, want.Steps, first)...)
	}
	return steps
}

// notHeldBack leaves out the addresses that somebody keeps removing.
func (p *pass) notHeldBack(index int, steps []hostnet.LinkStep, first bool) []hostnet.LinkStep {
	missing := map[string]bool{}
	for _, s := range steps {
		if s.IsAddr() && s.Op == hostnet.OpAdd {
			missing[addressObject(s.Addr.Prefix)] = true
		}
	}
	if first {
		p.weighAddresses(index, missing)
	}
	return slices.DeleteFunc(slices.Clone(steps), func(s hostnet.LinkStep) bool {
		return s.IsAddr() && s.Op == hostnet.OpAdd && p.waits(index, addressObject(s.Addr.Prefix))
	})
}

// foresee writes down what is about to be added.
func (p *pass) foresee(ledger Ledger) error {
	for index, want := range p.nics {
		if len(want.Steps) == 0 || !p.meant(index) {
			continue
		}
		r := p.records[index]
		r.Index, r.Link, r.Table = index, p.result.names[index], p.Policy.Table(index)
		for _, a := range want.Added {
			if !slices.Contains(r.Added, a) {
				r.Added = append(slices.Clone(r.Added), a)
			}
		}
		if err := ledger.Save(r); err != nil {
			return err
		}
		p.records[index] = r // a kernel before 5.18 tells nobody's mark
	}
	return nil
}

// imagine changes the facts as the steps would.
func (p *pass) imagine(steps []hostnet.LinkStep) {
	for _, s := range steps {
		facts := p.facts.Links[s.Index]
		switch {
		case !s.IsAddr():
			if s.Up {
				facts.Link.Flags |= hostnet.FlagUp
			}
		case s.Op == hostnet.OpAdd:
			facts.Addrs = append(slices.Clone(facts.Addrs), s.Addr)
		default:
			facts.Addrs = slices.DeleteFunc(slices.Clone(facts.Addrs), func(a hostnet.Addr) bool { return a.Prefix == s.Addr.Prefix })
		}
		p.facts.Links[s.Index] = facts
	}
}
