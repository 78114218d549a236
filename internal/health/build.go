package health

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// Build composes the document: what is, and of that what is wrong.
func Build(f Facts) report.Status {
	doc := report.Status{
		SchemaVersion: report.StatusSchema, Version: f.Version, HostName: f.HostName,
		Time: f.Now.UTC(), Notes: append([]string{}, f.Notes...),
		Watcher: f.watcher(), Units: f.units(), Links: f.links(), Rules: f.rules(), Hooks: f.hooks(), Cloud: f.cloud(),
	}
	doc.Notes = append(doc.Notes, f.notes(doc)...)
	doc.Health = report.Health{State: report.HealthOK, Reasons: f.reasons(doc)}
	if len(doc.Health.Reasons) > 0 {
		doc.Health.State = report.HealthDegraded
	}
	return doc
}

func (f Facts) watcher() *report.WatcherState {
	if f.Watcher == nil {
		return nil
	}
	w := &report.WatcherState{
		Running: f.Watcher.Running, PID: f.Watcher.PID,
		Generators: append([]string{}, f.Watcher.Generators...), Spools: []report.SpoolStatus{},
	}
	for _, s := range f.Watcher.Spools {
		age := f.age(s)
		w.Pending += s.Pending
		w.Oldest = max(w.Oldest, age.Seconds())
		w.Spools = append(w.Spools, report.SpoolStatus{Spool: s.Name, Pending: s.Pending, Oldest: age.Seconds()})
	}
	return w
}

// age is how long the first entry of a spool has waited. A clock that was set back
// makes it nothing.
func (f Facts) age(s Spool) time.Duration {
	if s.Pending == 0 {
		return 0
	}
	return max(f.Now.Sub(s.Oldest).Round(time.Millisecond), 0)
}

func (f Facts) units() []report.UnitStatus {
	var units []report.UnitStatus
	for _, u := range f.Units {
		if u.Load != "not-found" && strings.HasPrefix(u.Name, "netbrk-") {
			units = append(units, report.UnitStatus{Unit: u.Name, Load: u.Load, Active: u.Active, Sub: u.Sub})
		}
	}
	return units
}

func (f Facts) rules() *report.RulesStatus {
	if f.Rules == nil {
		return nil
	}
	s := &report.RulesStatus{Links: []report.LinkRules{}, Drift: []string{}, Contended: []string{}, Problems: []string{}}
	s.Problems = append(s.Problems, f.Rules.Records[0].Problems...)
	if now := f.Rules.Now; now != nil {
		have := now.Wanted.Sum() - now.Missing.Sum()
		s.Want, s.Have, s.Wanted, s.Missing, s.Stale = now.Wanted.Sum(), &have, &now.Wanted, &now.Missing, now.Stale
		s.Drift = append(s.Drift, now.Steps...)
		s.Problems = append(s.Problems, now.Problems...)
		for _, l := range now.Links {
			// What apply-rules met is the ledger's to tell: a dry run meets nothing.
			r := f.Rules.Records[l.Index]
			l.Problems, l.Contended, l.Losses = r.Problems, r.Contended, r.Losses
			s.Links = append(s.Links, l)
		}
	} else {
		for index, l := range f.Rules.Records {
			if index != 0 {
				s.Links = append(s.Links, l)
				// Three rules for each address.
				s.Want += 3*len(l.Addresses) + len(l.Routes) + len(l.Added)
			}
		}
	}
	slices.SortFunc(s.Links, func(a, b report.LinkRules) int { return cmp.Compare(a.Index, b.Index) })
	for _, l := range append([]report.LinkRules{f.Rules.Records[0]}, s.Links...) {
		for _, object := range l.Contended {
			if l.Link != "" {
				object = l.Link + ": " + object
			}
			s.Contended = append(s.Contended, object)
		}
	}
	return s
}

func (f Facts) hooks() *report.HooksStatus {
	if f.Hooks == nil {
		return nil
	}
	s := &report.HooksStatus{
		Runs: []report.HookRun{}, Failing: []report.HookRun{}, Refused: append([]report.RefusedHook{}, f.Hooks.Refused...),
		Unhandled: len(f.Hooks.Entries), Entries: append([]report.RefusedEntry{}, f.Hooks.Entries...), Dispatchers: f.Hooks.Dispatchers,
	}
	slices.Reverse(s.Entries)
	type script struct{ hook, link string }
	seen := map[script]bool{}
	for _, r := range slices.Backward(f.Hooks.Runs) {
		s.Runs = append(s.Runs, r)
		if r.Failed {
			s.Failures++
		}
		key := script{r.Hook, r.Link}
		if r.Failed && !seen[key] && !f.Hooks.Gone[r.Hook] {
			s.Failing = append(s.Failing, r)
		}
		seen[key] = true
	}
	return s
}

func (f Facts) cloud() *report.CloudStatus {
	if f.Cloud == nil {
		return nil
	}
	s := &report.CloudStatus{
		CloudSync: f.Cloud.Sync, LastSync: f.Cloud.LastSync, Next: f.Cloud.Next, System: f.Cloud.System,
		NICs: append([]report.CloudLink{}, f.Cloud.NICs...), Partial: []string{}, Rivals: []string{},
	}
	if s.Provider == "" {
		s.Provider, s.Why = f.Cloud.Provider, f.Cloud.Why
	}
	for _, problem := range s.Problems {
		if strings.HasPrefix(problem, "NIC ") {
			s.Partial = append(s.Partial, problem)
		}
	}
	for _, nic := range s.NICs {
		if nic.Rival != "" {
			s.Rivals = append(s.Rivals, nic.Link+": "+nic.Rival)
		}
	}
	return s
}

// notes tell what is so on purpose and may surprise all the same.
func (f Facts) notes(doc report.Status) []string {
	notes := append([]string{}, f.Config.Others...)
	if doc.Rules != nil {
		if f.Rules.Records[0].Flushed {
			notes = append(notes, "all rules were flushed by hand: netbrk apply-rules brings them back")
		}
		for _, l := range doc.Rules.Links {
			if l.Flushed && !f.Rules.Records[0].Flushed {
				notes = append(notes, fmt.Sprintf("rules of %s were flushed by hand: netbrk apply-rules %s brings them back", l.Link, hostnet.ShellWord(l.Link)))
			}
		}
	}
	if doc.Cloud != nil && doc.Cloud.Outcome == "flushed" {
		notes = append(notes, "what the cloud told was flushed by hand: netbrk cloud-sync brings it back")
	}
	if doc.Cloud != nil && doc.Cloud.Outcome == "" && doc.Cloud.Provider != "none" && doc.Cloud.Provider != "" {
		start := "netbrk cloud-sync"
		if f.Installed {
			start = "systemctl daemon-reload; systemctl start netbrk.target"
		}
		notes = append(notes, fmt.Sprintf("this is an instance of %s, and cloud-sync never ran: %s", doc.Cloud.Provider, start))
	}
	return notes
}

// unit returns what systemd tells of a unit; the zero value for nothing.
func (f Facts) unit(name string) hostnet.UnitState {
	for _, u := range f.Units {
		if u.Name == name {
			return u
		}
	}
	return hostnet.UnitState{}
}
