package subcmd

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

// goneFor is how long a NIC must have been missing from the metadata, by at least
// two answers, until its addresses are removed from a link that is still there.
const goneFor = 30 * time.Second

// take makes of what was told, and of what was told before, what counts from now
// on. again is true if a NIC that is here is not complete.
func (s *cloudRun) take(ctx context.Context, told hostnet.Metadata) (again bool, err error) {
	s.problems, s.missing, s.missingUp, s.instance = nil, map[string]time.Time{}, map[string]float64{}, told.System.InstanceID
	facts, err := s.kernel.Facts(ctx, func(hostnet.Link) bool { return true })
	if err != nil {
		return false, fmt.Errorf("reading links: %w", err)
	}
	old, err := s.known(told.System.InstanceID)
	if err != nil {
		return false, err
	}
	indexes, ambiguous := plan.MatchNICs(told.NICs, nicLinks(facts))
	s.problems = append(s.problems, ambiguous...)
	primary := plan.PrimaryNIC(told, indexes, facts.Links)
	links := map[int]report.CloudLink{}
	for _, nic := range told.NICs {
		index, here := indexes[nic.MAC]
		if !here {
			continue // not attached yet, or ambiguous
		}
		link, complete := s.takeNIC(nic, old[index], facts.Links[index])
		again = again || !complete
		if link.Index == 0 {
			continue
		}
		link.Routed = s.cfg.Network.Supplementary.Match(link.Link) || primary != "" && nic.MAC != primary
		links[index] = link
	}
	s.keepMissing(links, old, facts, told)
	s.options.Cloud = links
	if s.options.DryRun {
		return again, nil
	}
	return again, s.save(told, links)
}

// known returns what was told in this boot of this instance.
func (s *cloudRun) known(instance string) (map[int]report.CloudLink, error) {
	old, err := s.store.Links()
	if err != nil {
		return nil, err
	}
	boot := bootID()
	forgotten := false
	maps.DeleteFunc(old, func(index int, l report.CloudLink) bool {
		stale := l.BootID != boot || instance != "" && l.InstanceID != "" && l.InstanceID != instance
		forgotten = forgotten || stale
		return stale
	})
	if !forgotten || s.options.DryRun {
		return old, nil
	}
	// The addresses of another instance, or boot, are nobody's: what carries
	// netbrk's mark goes if it is not wanted, the rest stays.
	s.log.Info("forgetting what another instance was told", "instance", instance)
	ledger, err := state.OpenRules(s.stateDir)
	if err != nil {
		return nil, err
	}
	entries, err := ledger.Load()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		e.Added = nil
		if err := ledger.Save(e); err != nil {
			return nil, err
		}
	}
	return old, nil
}

// takeNIC decides what counts of a NIC. With anything missing, or without an
// address where there were some, what was told before stays.
func (s *cloudRun) takeNIC(nic hostnet.NIC, old report.CloudLink, facts hostnet.LinkFacts) (link report.CloudLink, complete bool) {
	name := facts.Link.Name
	if !s.cfg.Network.Links.Match(name) {
		return link, true // Links excludes it
	}
	keep := old.Index != 0 && old.NIC.MAC == nic.MAC
	problem := ""
	switch {
	case len(nic.Missing) > 0:
		problem = fmt.Sprintf("%s is not complete in the metadata, and left as it is: %s", describeNIC(nic, name), strings.Join(nic.Missing, ", "))
	case keep && len(nic.Addresses) == 0 && len(old.NIC.Addresses) > 0:
		problem = fmt.Sprintf("%s has no address any more, says the metadata; it is left as it is", describeNIC(nic, name))
	}
	if problem != "" {
		s.problems = append(s.problems, problem)
		if !keep {
			return link, false
		}
		nic = old.NIC
	}
	link = report.CloudLink{
		Index: facts.Link.Index, Link: name, InstanceID: s.instance, BootID: bootID(), NIC: nic,
		Keeper: keeperOf(facts.Link.Index),
	}
	link.Rival = rivalOf("/", s.found.Provider, link)
	if link.InstanceID == "" {
		link.InstanceID = old.InstanceID
	}
	if link.Rival != "" && link.Rival != old.Rival {
		s.log.Info("another agent configures the NIC, which is left to it", "link", name, "agent", link.Rival)
	}
	return link, problem == ""
}

// keepMissing keeps the NICs that the metadata does not list any more: for good
// where the list itself is in doubt, else until a later answer agrees. What is
// gone from the host goes.
func (s *cloudRun) keepMissing(links, old map[int]report.CloudLink, facts hostnet.PolicyFacts, told hostnet.Metadata) {
	listed := map[string]bool{}
	for _, nic := range told.NICs {
		listed[nic.MAC] = true
	}
	for _, index := range sortedKeys(old) {
		l := old[index]
		if _, taken := links[index]; taken || facts.Links[index].MAC != l.NIC.MAC {
			continue
		}
		if listed[l.NIC.MAC] {
			if s.cfg.Network.Links.Match(l.Link) { // else Links excludes it by now
				links[index] = l // ambiguous, for the moment
			}
			continue
		}
		if s.missingFor(l.NIC.MAC) >= goneFor && len(told.Missing) == 0 {
			delete(s.missing, l.NIC.MAC)
			delete(s.missingUp, l.NIC.MAC)
			continue
		}
		links[index] = l
		s.problems = append(s.problems, fmt.Sprintf("%s is not in the metadata any more, and left as it is until it has not been for %s", describeNIC(l.NIC, l.Link), goneFor))
	}
}

// missingFor notes that the metadata does not list a NIC, and tells for how long it
// has not. Once a clock is set at boot, by NTP say, the time of day before that says
// nothing; the clock of another boot says nothing either.
func (s *cloudRun) missingFor(mac string) time.Duration {
	up := upSeconds()
	since, sinceUp := s.last.Missing[mac], s.last.MissingUp[mac]
	if since.IsZero() || sinceUp == 0 || sinceUp > up {
		since, sinceUp = time.Now().UTC(), up
	}
	s.missing[mac], s.missingUp[mac] = since, sinceUp
	return time.Duration((up - sinceUp) * float64(time.Second))
}

func (s *cloudRun) save(told hostnet.Metadata, links map[int]report.CloudLink) error {
	if err := s.store.SaveSystem(told.System); err != nil {
		return err
	}
	for _, name := range sortedKeys(told.Documents) {
		if err := s.store.SaveDocument(name, told.Documents[name]); err != nil {
			return err
		}
	}
	for _, index := range sortedKeys(links) {
		if err := s.store.SaveLink(links[index]); err != nil {
			return err
		}
	}
	there, err := s.store.Links()
	if err != nil {
		return err
	}
	for index := range there {
		if _, keep := links[index]; !keep {
			if err := s.store.RemoveLink(index); err != nil {
				return err
			}
		}
	}
	return nil
}

func nicLinks(facts hostnet.PolicyFacts) []plan.NICLink {
	var links []plan.NICLink
	for _, index := range sortedKeys(facts.Links) {
		l := facts.Links[index]
		_, err := os.Stat(filepath.Join("/sys/class/net", l.Link.Name, "device"))
		links = append(links, plan.NICLink{
			Index: index, Name: l.Link.Name, MAC: l.MAC, MasterIndex: l.Link.MasterIndex,
			ParentIndex: l.ParentIndex, Device: err == nil,
		})
	}
	return links
}
