package subcmd

import (
	"context"
	"slices"

	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/health"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/networkd"
	"github.com/netbrk/netbrk/state"
)

func (l *statusLook) lookAtLinks(ctx context.Context) {
	links := &health.Links{Watched: l.cfg.Network.Links.Match}
	if l.kernel == nil {
		l.recallLinks(links)
	} else {
		var err error
		if links.Facts, err = l.kernel.Overview(ctx); err != nil {
			l.note("links cannot be told", err)
			return
		}
		links.States = l.networkdStates(ctx, links.Facts)
	}
	var err error
	if links.Added, err = state.LookAtRules(l.global.stateDir).Load(); err != nil {
		l.note("what netbrk added is not known", err)
	}
	if links.Leases, err = state.LookAtLeases(l.global.stateDir).Load(); err != nil {
		l.note("leases are not known", err)
	}
	l.facts.Links = links
}

// recallLinks takes the watcher's word.
func (l *statusLook) recallLinks(links *health.Links) {
	records, err := state.LookAtLinks(l.global.stateDir)
	if err != nil {
		l.note("links are not known", err)
	}
	links.States = map[int]hostnet.States{}
	for _, index := range sortedKeys(records) {
		if r := records[index]; index != 0 {
			links.Facts = append(links.Facts, hostnet.LinkFacts{Link: hostnet.Link{Index: index, Name: r.Name}})
			links.States[index] = r.States
		}
	}
	l.note("links are as netbrk watch saw them last, without their addresses", nil)
}

// networkdStates reads the words of networkd where it is what the configuration
// goes by, and runs in this network namespace: a /run may be shared with another.
func (l *statusLook) networkdStates(ctx context.Context, links []hostnet.LinkFacts) map[int]hostnet.States {
	if !slices.Contains(l.cfg.System.Generators, config.GeneratorNetworkd) {
		return nil
	}
	_, err := within(ctx, func(ctx context.Context) (hostnet.States, error) {
		var bus networkd.Querier
		defer bus.Close()
		return bus.ManagerStates(ctx)
	})
	if err != nil {
		l.note("states of links are the kernel's", err)
		return nil
	}
	states := make(map[int]hostnet.States, len(links))
	for _, link := range links {
		if file, err := networkd.ReadLinkFile(networkd.StateDir, link.Link.Index); err == nil {
			states[link.Link.Index] = file.States
		}
	}
	return states
}
