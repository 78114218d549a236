package kernel

import "github.com/netbrk/netbrk/internal/hostnet"

// farKept bounds the destinations beyond a gateway that are told of a link, in one
// family: twice as many as are copied, since some may not be fit for that. A
// router's full table would take gigabytes, and none of it be copied.
const farKept = 2 * hostnet.MaxCopied

// farRoutes keeps the first ones of each link.
type farRoutes struct{ links map[int]*farLink }

type farLink struct {
	last  hostnet.Route // one of each destination and metric counts: the others are hops of it
	count int
}

func (f *farRoutes) forget() { f.links = map[int]*farLink{} }

// keep leaves out what is beyond the bound. A default route never is: it may be
// the way to the gateway.
func (f *farRoutes) keep(r hostnet.Route) bool {
	if !r.Gateway.IsValid() || r.IsDefault() {
		return true
	}
	l := f.links[r.Index]
	if l == nil {
		l = &farLink{}
		f.links[r.Index] = l
	}
	if r.Destination != l.last.Destination || r.Metric != l.last.Metric {
		l.last = r
		l.count++
	}
	return l.count <= farKept
}
