package subcmd

import (
	"context"
	"maps"
	"sync"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/networkd"
)

// linkFile reads what networkd keeps of a link.
func (h *hookRun) linkFile(index int) networkd.LinkFile {
	if !h.networkd {
		return networkd.LinkFile{}
	}
	file, _ := networkd.ReadLinkFile(h.netif, index)
	return file
}

// networkdLease reads the lease that networkd has for a link, if it has one.
func (h *hookRun) networkdLease(index int) (lease networkd.Lease, ok bool) {
	if !h.networkd {
		return networkd.Lease{}, false
	}
	lease, err := networkd.ReadLease(h.netif, index)
	return lease, err == nil
}

func (h *hookRun) managerStates(ctx context.Context) hostnet.States {
	if !h.networkd {
		return nil
	}
	states, err := h.bus.ManagerStates(ctx)
	if err != nil {
		states, _ = networkd.ReadManagerStates(h.netif)
	}
	return states
}

// states are networkd's words, else the kernel's facts and networkd's file. ev is the
// event they are for.
func (h *hookRun) states(ctx context.Context, ev hostnet.Event, details hostnet.LinkDetails, file networkd.LinkFile) hostnet.States {
	derived := sync.OnceValue(func() hostnet.States { // of a bridge, all links are read
		v4, v6 := details.Reaches()
		return hostnet.DeriveStates(details.Link, h.ports(ctx), v4, v6)
	})
	if h.networkd {
		if standing(ev, file.States, derived) {
			return file.States
		}
		if states, ok := h.foreseen(ev, file, derived); ok {
			return states
		}
		if states, err := h.bus.LinkStates(ctx, details.Index); err == nil {
			return states
		}
	}
	states := derived()
	for _, p := range []hostnet.Property{hostnet.AdministrativeState, hostnet.OnlineState} {
		if word := file.States[p]; word != "" {
			states[p] = word
		}
	}
	return states
}

// standing reports whether networkd's file has the state that the event tells of, and
// the kernel the one that the file has: then the file is as new as the event, and
// nothing has happened since. A script need not wait for an answer of networkd's.
func standing(ev hostnet.Event, file hostnet.States, derived func() hostnet.States) bool {
	return ev.Kind == hostnet.KindState && ev.State != "" && file[ev.Property] == ev.State &&
		file[hostnet.OperationalState] == derived()[hostnet.OperationalState]
}

// foreseen returns the states of a link that has lost its carrier, as networkd is about
// to write them into its file: it signals a state before it writes it down, and may be
// long in answering just then. To close the sockets of the link's DHCP client, it waits 2
// to 6 ms for the kernel (packet_release() calls synchronize_net()). Without a carrier
// the kernel tells all but the administrative state, whatever stands on the link; that
// is the file's, as long as networkd has signalled no other one that the watcher noted.
func (h *hookRun) foreseen(ev hostnet.Event, file networkd.LinkFile, derived func() hostnet.States) (hostnet.States, bool) {
	if ev.ByHand || ev.Property != hostnet.OperationalState || !hostnet.LacksCarrier(ev.State) || len(file.States) == 0 {
		return nil, false
	}
	signalled := h.signalled(ev.Index)
	if signalled[hostnet.OperationalState] != ev.State ||
		signalled[hostnet.AdministrativeState] != file.States[hostnet.AdministrativeState] ||
		derived()[hostnet.OperationalState] != ev.State {
		return nil, false
	}
	states := maps.Clone(file.States)
	for p := range states {
		if word := derived()[p]; word != "" {
			states[p] = word
		}
	}
	if states[hostnet.OnlineState] != "" {
		if !hostnet.WorseOperational(ev.State, file.LeastOnline) {
			return nil, false // it depends on more than the file tells
		}
		states[hostnet.OnlineState] = "offline"
	}
	return states, true
}

// ports asks the kernel for a link's ports as they are needed.
func (h *hookRun) ports(ctx context.Context) hostnet.Ports {
	return func(master int) []hostnet.Link {
		ports, err := h.kernel.Ports(ctx, master)
		if err != nil {
			h.log.Debug("reading ports", "ifindex", master, "err", err)
		}
		return ports
	}
}
