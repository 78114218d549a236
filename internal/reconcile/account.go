package reconcile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

// counts are of steps that were done.
type counts struct{ added, replaced, deleted int }

// tally counts rules and routes; tallyAddresses did the rest.
func (p *pass) tally(steps []hostnet.Step) {
	r := &p.result
	r.Wanted.Rules, r.Wanted.Routes = len(p.want.Rules), len(p.want.Routes)
	for _, s := range steps {
		switch {
		case s.Op == hostnet.OpDelete:
			r.Stale++
		case s.IsRule:
			r.Missing.Rules++
		default:
			r.Missing.Routes++
		}
	}
}

// tallyAddresses counts those of a NIC.
func (p *pass) tallyAddresses(nic plan.LinkWant) {
	r := &p.result
	r.Wanted.Addresses += len(nic.Added)
	for _, s := range nic.Steps {
		switch {
		case !s.IsAddr():
		case s.Op == hostnet.OpDelete:
			r.Wanted.Addresses-- // it is in the ledger until it is gone
			r.Stale++
		default:
			r.Missing.Addresses++
		}
	}
}

// account remembers what became of steps.
func (p *pass) account(steps []hostnet.Step, failed map[int]error) {
	for i, s := range steps {
		index := p.indexOf(s)
		if err := failed[i]; err != nil {
			p.failed[index] = append(p.failed[index], err.Error())
			continue
		}
		p.result.Steps = append(p.result.Steps, s)
		p.count(index, s.Op)
	}
}

// count takes in that something of a link was written.
func (p *pass) count(index int, op hostnet.Op) {
	c := p.written[index]
	if c == nil {
		c = &counts{}
		p.written[index] = c
	}
	switch op {
	case hostnet.OpAdd:
		c.added++
	case hostnet.OpReplace:
		c.replaced++
	default:
		c.deleted++
	}
}

// tell logs a line for each link that was changed, or has a problem.
func (p *pass) tell() {
	if p.DryRun {
		return
	}
	for _, index := range slices.Sorted(maps.Keys(p.written)) {
		c := p.written[index]
		of := []any{"link", p.result.LinkName(index), "table", p.Policy.Table(index)}
		if index == 0 {
			of = []any{"link", "all"} // the rule that they share, and what belongs to none
		}
		p.Log.Info("policy routing changed", append(of, "added", c.added, "replaced", c.replaced, "deleted", c.deleted)...)
	}
	for _, index := range slices.Sorted(maps.Keys(p.failed)) {
		for _, problem := range firstOf(p.failed[index]) {
			p.Log.Warn("policy routing not as it should be", "link", p.result.LinkName(index), "err", problem)
		}
	}
}

// maxProblems bounds the problems told of one link: with 10,000 addresses each
// would be the same one.
const maxProblems = 8

func firstOf(problems []string) []string {
	if more := len(problems) - maxProblems; more > 0 {
		return append(slices.Clone(problems[:maxProblems]), fmt.Sprintf("and %d more", more))
	}
	return problems
}
