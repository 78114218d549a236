package subcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systemd"
	"github.com/netbrk/netbrk/state"
)

// useTargets has targets follow links in this run, if a systemd is there that can
// start them: root's alone, others are asked for a password.
func (h *hookRun) useTargets() {
	if os.Geteuid() != 0 || !systemd.Here() {
		return
	}
	h.targets = &dispatcher.Targets{Units: &h.units, Log: h.log}
}

// followTargets has the targets of a link follow an event from the spool, beside
// its scripts: neither waits for the end of the other. begin is for when the first
// script has started, which systemd's work for a target would delay. wait begins where
// none has, and waits for the end; it returns false if that was told first: the event
// has to come again.
func (h *hookRun) followTargets(ctx context.Context, ev hostnet.Event, s subject) (begin func(), wait func() bool) {
	if h.targets == nil || ev.ByHand || ev.Kind != hostnet.KindState && ev.Kind != hostnet.KindLinks {
		return func() {}, func() bool { return true }
	}
	done := make(chan bool, 1)
	begin = sync.OnceFunc(func() {
		go func() { done <- h.switchTargets(ctx, ev, s) }()
	})
	return begin, func() bool {
		begin()
		return <-done
	}
}

func (h *hookRun) switchTargets(ctx context.Context, ev hostnet.Event, s subject) bool {
	var err error
	switch {
	case ev.Kind == hostnet.KindState && !s.gone && ev.Directory() != "": // else a state without a target
		err = h.targets.Follow(ctx, s.name, hostnet.States{ev.Property: ev.State}, true)
	case ev.Kind == hostnet.KindLinks:
		err = h.followLink(ctx, ev, s)
	}
	if ctx.Err() != nil {
		return false
	}
	if err != nil { // logged, and made good at the end of this run or the next
		h.log.Debug("targets left as they are", "link", s.name, "event", ev.ID, "err", err)
		h.unsettle()
	}
	return true
}

// followLink sees to the names that a link had and has. The states of one that
// was renamed are not told again; those of one that is new are, in order, and only
// what its name has left of an earlier link is stopped.
func (h *hookRun) followLink(ctx context.Context, ev hostnet.Event, s subject) error {
	names := []string{ev.Link, ev.PreviousLink, s.name}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name == "" || name == s.name && !s.gone {
			continue
		}
		if err := h.clearTargets(ctx, name); err != nil {
			return err
		}
	}
	if s.gone || ev.Action == hostnet.ActionRemoved || !h.cfg.Network.Links.Match(s.name) {
		return nil
	}
	states, err := h.linkStates(ctx, s.index)
	if errors.Is(err, hostnet.ErrLinkGone) {
		return nil // which is told too
	}
	if err != nil {
		return err
	}
	return h.targets.Follow(ctx, s.name, states, ev.Action == hostnet.ActionRenamed)
}

// clearTargets stops the targets of a name that no link has. It may be the
// spool's word alone: of a link that is there only its own events tell.
func (h *hookRun) clearTargets(ctx context.Context, name string) error {
	named, err := h.kernel.Named(name)
	if named || err != nil {
		return err
	}
	return h.targets.Follow(ctx, name, dispatcher.NoStates(), false)
}

// linkStates are the states of a link as they are now.
func (h *hookRun) linkStates(ctx context.Context, index int) (hostnet.States, error) {
	details, err := h.kernel.LinkDetails(ctx, index)
	if err != nil {
		return nil, err
	}
	return h.states(ctx, hostnet.Event{}, details, h.linkFile(index)), nil
}

// settleTargets brings all targets in line with what is, where they may not be:
// at the first run of a boot, and after systemd could not be told of a change. It
// comes last, when every transition was delivered in order.
func (h *hookRun) settleTargets(ctx context.Context, g global) {
	selected := h.cfg.Network.Links.String()
	if h.targets == nil || h.hooks.TargetsSettled(selected) {
		return
	}
	if waiting, err := state.PeekQueue(g.stateDir); err != nil || len(waiting) > 0 {
		return // the next run is about to begin
	}
	err := h.targets.Settle(ctx, func() (map[string]hostnet.States, error) { return h.allStates(ctx) })
	if ctx.Err() != nil || errors.Is(err, fs.ErrNotExist) { // a host without a bus
		return
	}
	if err != nil {
		h.failed.Store(true) // and that was logged
		return
	}
	if err := h.hooks.SettleTargets(selected); err != nil {
		h.log.Warn("remembering that targets are in line", "err", err)
	}
}

// allStates are those of all links that events count of.
func (h *hookRun) allStates(ctx context.Context) (map[string]hostnet.States, error) {
	names, err := h.kernel.LinkNames(ctx)
	if err != nil {
		return nil, err
	}
	links := make(map[string]hostnet.States)
	for index, name := range names {
		if !h.cfg.Network.Links.Match(name) {
			continue
		}
		states, err := h.linkStates(ctx, index)
		if errors.Is(err, hostnet.ErrLinkGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		links[name] = states
	}
	return links, nil
}

// unsettle keeps that targets are not in line, for the end of this run or the next.
func (h *hookRun) unsettle() {
	if err := h.hooks.UnsettleTargets(); err != nil {
		h.log.Warn("remembering that targets are not in line", "err", err)
	}
}

// showTarget prints the target that a state event from the spool leads to.
func (h *hookRun) showTarget(ev hostnet.Event, s subject) {
	if h.targets != nil && ev.Kind == hostnet.KindState && ev.Directory() != "" && ev.Generator == "" && !s.gone && !ev.ByHand {
		fmt.Fprintf(h.stdout, "  target   %s\n", dispatcher.TargetName(ev.State, s.name))
	}
}
