package subcmd

import (
	"os"
	"path/filepath"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	networkdDispatcherUnit = "networkd-dispatcher.service"
	networkdDispatcherHint = "systemctl disable --now networkd-dispatcher"
)

// find returns what runs for an event: netbrk's own hooks, and after them, where
// the configuration says so, the scripts of networkd-dispatcher's directories.
// While that daemon is active it runs them itself, and they are left to it: a
// script that ran twice for each transition would be worse than a warning.
func (h *hookRun) find(ev hostnet.Event, s subject) (dispatcher.Plan, error) {
	var plan dispatcher.Plan
	if directory := ev.Directory(); directory != "" { // a silent state has none
		var err error
		if plan, err = h.finder.Find(directory, s.name); err != nil {
			return plan, err
		}
	}
	transition, ok := dispatcher.NetworkdDispatcherEvent(ev)
	if !ok || !h.cfg.System.NetworkdDispatcher {
		return plan, nil
	}
	finder := dispatcher.Finder{Roots: dispatcher.NetworkdDispatcherRoots(), Trust: h.finder.Trust}
	theirs, err := finder.FindNetworkdDispatcher(transition.State)
	if err != nil {
		return plan, err
	}
	if rival := rivalDispatcher(h.cfg, "/"); rival != "" {
		h.tellRival(rival)
		for _, hook := range theirs.Hooks {
			plan.Masked = append(plan.Masked, dispatcher.Skipped{
				Path: hook.Path, Why: "is left to " + rival + ", which is active: " + networkdDispatcherHint,
			})
		}
		return plan, nil
	}
	plan.Hooks = append(plan.Hooks, theirs.Hooks...)
	plan.Masked = append(plan.Masked, theirs.Masked...)
	plan.Refused = append(plan.Refused, theirs.Refused...)
	return plan, nil
}

// tellRival says once in a run who else runs scripts.
func (h *hookRun) tellRival(unit string) {
	h.rival.Do(func() {
		h.log.Warn("NetworkdDispatcher is true, but networkd-dispatcher is active too: its scripts are left to it",
			"unit", unit, "hint", networkdDispatcherHint)
	})
}

// rivalDispatcher names the unit that runs networkd-dispatcher's scripts though
// netbrk is told to; empty for none.
func rivalDispatcher(cfg *config.Config, root string) string {
	if cfg.System.NetworkdDispatcher && unitRuns(root, networkdDispatcherUnit) {
		return networkdDispatcherUnit
	}
	return ""
}

// unitRuns reports whether a service of system.slice has a process. Anybody may
// look, and without the bus: below root, systemd keeps a control group for it in
// the unified hierarchy, or in its own one of the older two layouts.
func unitRuns(root, unit string) bool {
	for _, hierarchy := range []string{"", "unified", "systemd"} {
		procs, err := os.ReadFile(filepath.Join(root, "sys/fs/cgroup", hierarchy, "system.slice", unit, "cgroup.procs"))
		if err == nil && len(procs) > 0 {
			return true
		}
	}
	return false
}
