package dispatcher

import (
	"strings"

	"github.com/coreos/go-systemd/v22/unit"

	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	targetPrefix = "netbrk-"
	targetSuffix = ".target"
)

// TargetName returns the name of the target that is active while a link is in a
// state, such as netbrk-routable@eth0.target.
func TargetName(state, link string) string { return targetName(state, instanceOf(link)) }

// instanceOf escapes a link's name. What it returns has no character that a pattern
// gives a meaning to but "\", and systemd's patterns do not (FNM_NOESCAPE in
// list_units_filtered() of its core/dbus-manager.c).
func instanceOf(link string) string { return unit.UnitNameEscape(link) }

func targetName(state, instance string) string {
	return targetPrefix + state + "@" + instance + targetSuffix
}

// parseTarget returns the state and the instance of a target of ours. It leaves the
// instance escaped: UnitNameUnescape of go-systemd 22.7.0 takes no byte above 0x7f.
func parseTarget(name string) (state, instance string, ok bool) {
	rest, ok := strings.CutPrefix(name, targetPrefix)
	if !ok {
		return "", "", false
	}
	state, rest, ok = strings.Cut(rest, "@")
	if !ok || !hostnet.IsLinkState(state) {
		return "", "", false
	}
	instance, ok = strings.CutSuffix(rest, targetSuffix)
	return state, instance, ok
}

// targetSteps returns what to do so that of an instance's targets just those of the
// states are active. A property that is not among the states is left as it is; of
// one whose word has no target, the empty one included, none stays active.
func targetSteps(active []string, instance string, states hostnet.States) (stop, start []string) {
	on := make(map[string]bool)
	for _, name := range active {
		state, of, ok := parseTarget(name)
		if !ok || of != instance {
			continue
		}
		p, _ := hostnet.PropertyOf(state)
		switch word, asked := states[p]; {
		case word == state:
			on[state] = true
		case asked:
			stop = append(stop, name)
		}
	}
	for _, p := range []hostnet.Property{hostnet.OperationalState, hostnet.AdministrativeState} {
		if word := states[p]; hostnet.IsLinkState(word) && !on[word] {
			start = append(start, targetName(word, instance))
		}
	}
	return stop, start
}
