package subcmd

import (
	"context"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/networkd"
)

// linkFile reads what networkd keeps of a link.
func (h *hookRun) linkFile(index int) networkd.LinkFile {
	if !h.networkd {
		return networkd.LinkFile{}
	}
	file, _ := networkd.ReadLinkFile(networkd.StateDir, index)
	return file
}

// networkdLease reads the lease that networkd has for a link, if it has one.
func (h *hookRun) networkdLease(index int) (lease networkd.Lease, ok bool) {
	if !h.networkd {
		return networkd.Lease{}, false
	}
	lease, err := networkd.ReadLease(networkd.StateDir, index)
	return lease, err == nil
}

func (h *hookRun) managerStates(ctx context.Context) hostnet.States {
	if !h.networkd {
		return nil
	}
	states, err := h.bus.ManagerStates(ctx)
	if err != nil {
		states, _ = networkd.ReadManagerStates(networkd.StateDir)
	}
	return states
}

// states are networkd's words where it answers, else the kernel's facts and
// networkd's file.
func (h *hookRun) states(ctx context.Context, details hostnet.LinkDetails, file networkd.LinkFile) hostnet.States {
	if h.networkd {
		if states, err := h.bus.LinkStates(ctx, details.Index); err == nil {
			return states
		}
	}
	v4, v6 := details.Reaches()
	states := hostnet.DeriveStates(details.Link, h.ports(ctx), v4, v6)
	for _, p := range []hostnet.Property{hostnet.AdministrativeState, hostnet.OnlineState} {
		if word := file.States[p]; word != "" {
			states[p] = word
		}
	}
	return states
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
