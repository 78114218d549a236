package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
	"github.com/netbrk/netbrk/internal/report"
)

// rounds bounds how often one pass reads and applies: a step fails when the
// kernel has changed since it was read, and then the next round knows better.
const rounds = 3

// Kernel reads and changes policy routing.
type Kernel interface {
	Facts(ctx context.Context, detail func(hostnet.Link) bool) (hostnet.PolicyFacts, error)
	// Rules is called while one of the others may be at work.
	Rules(ctx context.Context) ([]hostnet.Rule, error)
	// ApplyLinks changes links and their addresses, and Apply rules and routes. Both
	// return the error of each step that failed, by its position.
	ApplyLinks(ctx context.Context, steps []hostnet.LinkStep) (map[int]error, error)
	Apply(ctx context.Context, steps []hostnet.Step) (map[int]error, error)
}

// Ledger keeps what was wanted and done, by ifindex; 0 is the host's.
type Ledger interface {
	Load() (map[int]report.LinkRules, error)
	Save(report.LinkRules) error
	Remove(index int) error
}

// Options say what to bring in line.
type Options struct {
	Policy plan.Policy
	// Managed selects the links that get a table and rules.
	Managed func(name string) bool
	// Cloud are the links that are NICs of the cloud's metadata, by ifindex, as far
	// as they were told in this boot; Keeper names who configures a link.
	Cloud  map[int]report.CloudLink
	Keeper func(index int) string
	// Gateways are those that others than the main table tell for a link.
	Gateways func(hostnet.LinkFacts) []plan.Gateway
	// Links names the only ones to touch; empty for all.
	Links []string
	// Flush removes instead, and keeps it so until a pass ByHand.
	Flush bool
	// ByHand is for somebody who is waiting: what was flushed comes back, and
	// nothing is held back.
	ByHand bool
	// DryRun changes nothing, neither the kernel nor the ledger.
	DryRun bool
	Now    func() time.Time
	Log    *slog.Logger
}

// Result is what a pass found and did.
type Result struct {
	// Links are the entries of the ledger as they are now, by ifindex.
	Links []report.LinkRules
	// LinkSteps and Steps are those that were done, or would be, in that order.
	LinkSteps []hostnet.LinkStep
	Steps     []hostnet.Step
	// Problems belong to no link; Unknown are the names that no link has.
	Problems []string
	Unknown  []string
	// RetryAt is when something that is held back is due; zero for nothing.
	RetryAt time.Time
	// Wanted counts what should be there, of all links. When the pass began,
	// Missing was not there, what is held back included, and Stale was and should
	// not have been.
	Wanted, Missing report.RulesCount
	Stale           int
	names           map[int]string
}

// LinkName names a link, also one that is gone.
func (r Result) LinkName(index int) string {
	if name := r.names[index]; name != "" {
		return name
	}
	return "if" + strconv.Itoa(index) // as ip(8) writes it
}

// Commands returns the steps as command lines of ip(8).
func (r Result) Commands() []string {
	commands := []string{}
	for _, s := range r.LinkSteps {
		commands = append(commands, s.Command(r.LinkName))
	}
	for _, s := range r.Steps {
		commands = append(commands, s.Command(r.LinkName))
	}
	return commands
}

// Partial reports whether something was left undone.
func (r Result) Partial() bool {
	return len(r.Problems) > 0 || len(r.Unknown) > 0 || !r.RetryAt.IsZero() || slices.ContainsFunc(r.Links, func(l report.LinkRules) bool {
		return len(l.Problems) > 0 || len(l.Contended) > 0
	})
}

// pass is one run over the links.
type pass struct {
	Options
	now     time.Time
	records map[int]report.LinkRules
	facts   hostnet.PolicyFacts
	// rules returns those that the kernel has, once it has told them.
	rules func() ([]hostnet.Rule, error)
	// only are the links to touch; nil for all.
	only map[int]bool
	// nics are what NICs' links get besides rules.
	nics map[int]plan.LinkWant
	want plan.Plan
	// written counts the steps that were done, by ifindex.
	written map[int]*counts
	failed  map[int][]string
	result  Result
}

// Run makes one pass. The caller holds the lock of policy routing.
func Run(ctx context.Context, k Kernel, ledger Ledger, o Options) (Result, error) {
	p := &pass{Options: o, now: o.Now(), written: map[int]*counts{}}
	p.result.names = map[int]string{}
	p.askForRules(ctx, k)
	defer func() { _, _ = p.rules() }() // the caller may close the kernel then
	var err error
	if p.records, err = ledger.Load(); err != nil {
		return Result{}, err
	}
	p.mendTimes()
	if err := p.converge(ctx, k, ledger); err != nil {
		return p.result, err
	}
	err = p.settle(ledger)
	p.tell() // what was done, also where it could not be written down
	return p.result, err
}

// converge reads and applies until nothing fails, or nothing helps.
func (p *pass) converge(ctx context.Context, k Kernel, ledger Ledger) error {
	for round := range rounds {
		if round > 0 {
			p.askForRules(ctx, k)
		}
		if err := p.read(ctx, k); err != nil {
			return err
		}
		p.failed = map[int][]string{}
		p.nameLinks()
		again, err := p.convergeLinks(ctx, k, ledger, round == 0)
		if err != nil {
			return err
		}
		if again { // with the addresses that are there now
			if err := p.read(ctx, k); err != nil {
				return err
			}
			p.linkSteps(false) // a link that is up has routes to get
		}
		p.want = p.desired()
		rules, err := p.rules()
		if err != nil {
			return fmt.Errorf("reading policy routing: %w", err)
		}
		steps := p.selected(plan.Diff(p.want, rules, p.facts.Routes))
		if round == 0 {
			p.weigh(steps)
			p.tally(steps)
		}
		steps = slices.DeleteFunc(steps, p.heldBack)
		if p.DryRun {
			p.result.Steps = steps
			return nil
		}
		if len(steps) == 0 {
			return nil
		}
		failed, err := k.Apply(ctx, steps)
		if err != nil {
			return err
		}
		p.account(steps, failed)
		if len(p.failed) == 0 {
			return nil
		}
	}
	return nil
}

// askForRules has rules read while all that they are compared with is read and
// planned: of 10,000 addresses the kernel tells 30,000 rules, in half of the time
// of a pass with nothing to do.
func (p *pass) askForRules(ctx context.Context, k Kernel) {
	var rules []hostnet.Rule
	var err error
	told := make(chan struct{})
	go func() {
		defer close(told)
		rules, err = k.Rules(ctx)
	}()
	p.rules = func() ([]hostnet.Rule, error) {
		<-told
		return rules, err
	}
}

func (p *pass) read(ctx context.Context, k Kernel) (err error) {
	if p.facts, err = k.Facts(ctx, p.detail); err != nil {
		return fmt.Errorf("reading policy routing: %w", err)
	}
	return nil
}

// nameLinks learns the names of links, those that are gone included, and which
// ones are meant.
func (p *pass) nameLinks() {
	indexes := map[string]int{}
	for index, r := range p.records {
		p.result.names[index] = r.Link
		indexes[r.Link] = index
	}
	for index, l := range p.facts.Links {
		p.result.names[index] = l.Link.Name
		indexes[l.Link.Name] = index
	}
	if len(p.Links) == 0 {
		return
	}
	p.only, p.result.Unknown = map[int]bool{}, nil
	for _, name := range p.Links {
		if index, ok := indexes[name]; ok && name != "" {
			p.only[index] = true
		} else {
			p.result.Unknown = append(p.result.Unknown, name)
		}
	}
}

// meant reports whether a link is one to touch; what belongs to none is meant
// only when all are.
func (p *pass) meant(index int) bool { return p.only == nil || p.only[index] }

// flushed reports whether a link is to have nothing: it is being flushed, or
// was, and nobody has asked for it since.
func (p *pass) flushed(index int) bool {
	if p.meant(index) && (p.Flush || p.ByHand) {
		return p.Flush
	}
	if r, ok := p.records[index]; ok {
		return r.Flushed
	}
	return p.records[0].Flushed // all were flushed, and this one came later
}

// detail selects the links whose addresses and routes matter.
func (p *pass) detail(l hostnet.Link) bool {
	_, nic := p.Cloud[l.Index]
	return p.Managed(l.Name) || nic || len(p.records[l.Index].Added) > 0
}

// managed reports whether a link gets a table and rules: the configuration says
// so, or its being a NIC does.
func (p *pass) managed(facts hostnet.LinkFacts) bool {
	nic, ok := p.nic(facts)
	return p.Managed(facts.Link.Name) || ok && nic.Routed
}

// desired is what should be, of all links: that of those not meant is needed to
// know what they share.
func (p *pass) desired() plan.Plan {
	var links []plan.Link
	for index, facts := range p.facts.Links {
		if p.managed(facts) && !p.flushed(index) {
			links = append(links, p.planLink(facts))
		}
	}
	want := plan.Want(p.Policy, links)
	for _, index := range slices.Sorted(maps.Keys(p.nics)) {
		want.Routes = append(want.Routes, p.nics[index].Routes...)
	}
	return want
}

// indexOf returns the ifindex of the link that a step is about, 0 for none: that
// of the main table's rule, and of a table that an earlier RouteTableBase made.
func (p *pass) indexOf(s hostnet.Step) int {
	table := s.Route.Table
	if s.IsRule {
		table = s.Rule.Table
	}
	if table == hostnet.TableLocal || table == hostnet.TableMain { // no link's, though TableBase may be below them
		return s.Route.Index // a NIC's range, or a route that its cloud tells; 0 for a rule
	}
	if table <= p.Policy.TableBase {
		return 0
	}
	index := int(table - p.Policy.TableBase)
	if _, known := p.result.names[index]; !known {
		return 0
	}
	return index
}

// selected leaves the steps that are to be taken.
func (p *pass) selected(steps []hostnet.Step) []hostnet.Step {
	return slices.DeleteFunc(steps, func(s hostnet.Step) bool {
		shared := s.IsRule && s.Rule.Table == hostnet.TableMain
		return !shared && !p.meant(p.indexOf(s))
	})
}
