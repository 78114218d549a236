package kernel

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// routeFilter says which routes of one family a dump is for; 0 is any.
type routeFilter struct {
	family   hostnet.Family
	table    uint32
	index    int
	protocol uint8
	// kind is RTN_* of uapi/linux/rtnetlink.h.
	kind uint8
}

// request asks for what the filter says. Strict checking makes the kernel heed
// it (ip_valid_fib_dump_req in fib_frontend.c, Linux 4.20).
func (f routeFilter) request() []byte {
	var e encoder
	e.begin(unix.RTM_GETROUTE, unix.NLM_F_DUMP, 0, []byte{
		0: byte(f.family), 5: f.protocol, 7: f.kind, unix.SizeofRtMsg - 1: 0,
	})
	if f.table != 0 {
		e.number(unix.RTA_TABLE, f.table)
	}
	if f.index != 0 {
		e.number(unix.RTA_OIF, uint32(f.index))
	}
	e.end()
	return e.buf
}

// matches says the same again, for kernels that heed nothing, and for the hops
// of a multipath route that leave by another link.
func (f routeFilter) matches(r hostnet.Route) bool {
	return r.Family() == f.family &&
		(f.table == 0 || r.Table == f.table) &&
		(f.index == 0 || r.Index == f.index) &&
		(f.protocol == 0 || r.Protocol == f.protocol) &&
		(f.kind == 0 || r.Type == f.kind)
}

// routes returns those that a filter and keep let pass; where the error is
// ErrInterrupted, those of the last attempt. The kernel marks no dump of
// routes, but it goes on at a prefix in IPv4 and only within one table, by
// count, in IPv6 (fib_table_dump in fib_trie.c, fib6_dump_table in ip6_fib.c):
// a change elsewhere hides no route of a table that stands still.
func (p *Policy) routes(ctx context.Context, f routeFilter, keep func(hostnet.Route) bool) ([]hostnet.Route, error) {
	return p.routesAnew(ctx, f, func() {}, keep)
}

// routesAnew is routes for a keep that remembers: start is called before each
// attempt.
func (p *Policy) routesAnew(ctx context.Context, f routeFilter, start func(), keep func(hostnet.Route) bool) ([]hostnet.Route, error) {
	var routes []hostnet.Route
	begin := func() {
		routes = routes[:0]
		start()
	}
	err := p.dump(ctx, f.request(), begin, func(msg message) {
		if msg.kind != unix.RTM_NEWROUTE {
			return
		}
		eachRoute(msg.body, func(r hostnet.Route) {
			if f.matches(r) && keep(r) {
				routes = append(routes, r)
			}
		})
	})
	if absent(err) {
		return nil, nil
	}
	return routes, err
}
