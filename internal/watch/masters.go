package watch

import (
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// setKernel takes in what the kernel says of a link, and keeps account of who
// has ports: a master is without its full carrier when one of them is.
func (w *Watcher) setKernel(l *link, is hostnet.Link) {
	was := l.kernel.MasterIndex
	l.kernel = is
	if was == is.MasterIndex {
		return
	}
	if ports := slices.DeleteFunc(w.ports[was], func(p *link) bool { return p == l }); len(ports) > 0 {
		w.ports[was] = ports
	} else {
		delete(w.ports, was)
	}
	if is.MasterIndex != 0 {
		w.ports[is.MasterIndex] = append(w.ports[is.MasterIndex], l)
	}
}

// portsOf is hostnet.Ports of what the kernel told.
func (w *Watcher) portsOf(master int) []hostnet.Link {
	var ports []hostnet.Link
	for _, l := range w.ports[master] {
		ports = append(ports, l.kernel)
	}
	return ports
}

// derived are the states of a link by what the kernel told alone.
func (w *Watcher) derived(l *link) hostnet.States {
	v4, v6 := l.addresses.reaches()
	return hostnet.DeriveStates(l.kernel, w.portsOf, v4, v6)
}

// deriveMaster brings up to date the master of a link that changed, and its own
// in turn.
func (w *Watcher) deriveMaster(index int) {
	for range hostnet.MaxNesting {
		l := w.links[index]
		if l == nil || l.kernel.Index == 0 {
			return
		}
		w.deriveStates(index, l)
		index = l.kernel.MasterIndex
	}
}
