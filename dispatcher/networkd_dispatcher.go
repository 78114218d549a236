package dispatcher

import (
	"fmt"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// NetworkdDispatcherRoots returns where networkd-dispatcher looks for scripts.
func NetworkdDispatcherRoots() []string {
	return []string{"/etc/networkd-dispatcher", "/usr/lib/networkd-dispatcher"}
}

// FindNetworkdDispatcher returns what networkd-dispatcher would run for a state of a
// link from below its own directories, the Finder's Roots. The rules on what runs are
// netbrk's: stricter ones, as on leftovers of editors, and laxer ones, as on the mode,
// of which networkd-dispatcher takes 0755 alone.
func (f Finder) FindNetworkdDispatcher(state string) (Plan, error) {
	if !hostnet.IsDispatcherState(state) {
		return Plan{}, fmt.Errorf("finding scripts of networkd-dispatcher: %q is not a state", state)
	}
	plan := f.find(state+".d", "") // it knows no subdirectories for links
	for i := range plan.Hooks {
		plan.Hooks[i].NetworkdDispatcher = true
	}
	return plan, nil
}

// NetworkdDispatcherEvent returns the transition that networkd-dispatcher would run
// scripts for, or false: it knows states alone. A link that is gone is one that
// lingers, as networkd calls it with the last word it has on it.
func NetworkdDispatcherEvent(ev hostnet.Event) (hostnet.Event, bool) {
	switch {
	case ev.Kind == hostnet.KindState && ev.Generator == "":
		return ev, true
	case ev.Kind == hostnet.KindLinks && ev.Action == hostnet.ActionRemoved:
		ev.Kind, ev.Action = hostnet.KindState, ""
		ev.Property, ev.State = hostnet.AdministrativeState, "linger"
		return ev, true
	}
	return hostnet.Event{}, false
}

// networkdDispatcherEnviron builds the environment of a script of networkd-dispatcher's.
// Its own variables are all there, an unknown one empty: scripts that are run by
// `sh -u` name them all. EVENT_ID is ours: it tells a second delivery, and
// netbrk's own script in these directories that it is netbrk that runs it.
func networkdDispatcherEnviron(in Input) (env, omitted []string) {
	in.Event, _ = NetworkdDispatcherEvent(in.Event)
	var v variables
	v.set("PATH", hookPath)
	v.set("LANG", "C.UTF-8")
	status := in.Networkctl
	status.Link = in.Link
	status.SetStates(in.networkdDispatcherStates())
	v.always("IFACE", in.Link)
	v.always("STATE", in.Event.State)
	v.always("AdministrativeState", status.AdministrativeState)
	v.always("OperationalState", status.OperationalState)
	v.always("ADDR", status.FirstAddress())
	v.always("IP_ADDRS", strings.Join(status.Interesting(hostnet.IPv4), " "))
	v.always("IP6_ADDRS", strings.Join(status.Interesting(hostnet.IPv6), " "))
	v.always("ESSID", "")
	if doc, err := status.JSON(); err == nil {
		v.setMax("json", string(doc), maxArgStrlen-len("json=")-1)
	}
	v.set("EVENT_ID", in.Event.ID)
	return v.env, v.omitted
}

// networkdDispatcherStates are the states as networkd-dispatcher tracks them from the
// signals: of the property that changed, the value of the event.
func (in Input) networkdDispatcherStates() hostnet.States {
	states := hostnet.States{in.Event.Property: in.Event.State}
	for _, p := range []hostnet.Property{hostnet.OperationalState, hostnet.AdministrativeState, hostnet.OnlineState} {
		if p != in.Event.Property {
			states[p] = in.States[p]
		}
	}
	return states
}

// always is set for a variable that is there even if it is empty.
func (v *variables) always(name, value string) {
	if value == "" {
		v.env = append(v.env, name+"=")
		return
	}
	v.set(name, value)
}
