package subcmd

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

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
		links.States, links.Networkd = l.networkdStates(ctx, links.Facts)
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
func (l *statusLook) networkdStates(ctx context.Context, links []hostnet.LinkFacts) (map[int]hostnet.States, health.NetworkdFault) {
	if !slices.Contains(l.cfg.System.Generators, config.GeneratorNetworkd) {
		return nil, ""
	}
	if err := l.askNetworkd(ctx); err != nil {
		fault := l.networkdFault(err)
		if fault == "" {
			l.note("states of links are the kernel's", err)
		}
		return nil, fault
	}
	states := make(map[int]hostnet.States, len(links))
	for _, link := range links {
		if file, err := networkd.ReadLinkFile(networkd.StateDir, link.Link.Index); err == nil {
			states[link.Link.Index] = file.States
		}
	}
	return states, ""
}

// askNetworkd asks whether networkd answers, twice where it does not: on a host that is
// busy it may be slow, and is not at fault.
func (l *statusLook) askNetworkd(ctx context.Context) error {
	ask := func(patience time.Duration) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		var bus networkd.Querier
		defer bus.Close()
		_, err := bus.ManagerStates(ctx)
		return err
	}
	if !l.busSilent {
		err := ask(busPatience)
		if !errors.Is(err, networkd.ErrSilent) && !errors.Is(err, networkd.ErrBusSilent) {
			return err
		}
	}
	return ask(2 * busPatience)
}

// networkdFault tells what is wrong where networkd is not heard; nothing is on a
// host that has no bus, or does not run networkd.
func (l *statusLook) networkdFault(err error) health.NetworkdFault {
	unit, _ := l.unit(networkdUnit)
	switch {
	case errors.Is(err, networkd.ErrBusSilent):
		return health.BusSilent
	case errors.Is(err, unix.ECONNREFUSED):
		return health.BusDown
	case errors.Is(err, networkd.ErrSilent):
		return health.NetworkdSilent
	case errors.Is(err, networkd.ErrNoOwner) && unit.Active == "active":
		return health.NetworkdOffBus
	case errors.Is(err, networkd.ErrNoOwner) && unit.Active == "failed":
		return health.NetworkdFailed
	}
	return ""
}
