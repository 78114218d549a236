package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Overview reads every link with its addresses and the default routes of the main
// table, for those who show them, in the order of ifindexes. As for Facts, the error
// wraps ErrInterrupted where links or addresses changed under every attempt.
func (p *Policy) Overview(ctx context.Context) ([]hostnet.LinkFacts, error) {
	links, err := p.links(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading links: %w", err)
	}
	if err := p.addresses(ctx, links); err != nil {
		return nil, fmt.Errorf("reading addresses: %w", err)
	}
	if err := p.defaultRoutes(ctx, links); err != nil {
		return nil, fmt.Errorf("reading default routes: %w", err)
	}
	all := make([]hostnet.LinkFacts, 0, len(links))
	for _, l := range links {
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b hostnet.LinkFacts) int { return cmp.Compare(a.Link.Index, b.Link.Index) })
	return all, nil
}

// defaultRoutes asks for the routes of those who set default routes, one by one: a
// router's main table has a million routes, and those of its routing daemon would
// take seconds to tell.
func (p *Policy) defaultRoutes(ctx context.Context, links map[int]*hostnet.LinkFacts) error {
	for _, protocol := range []uint8{unix.RTPROT_BOOT, unix.RTPROT_STATIC, unix.RTPROT_RA, unix.RTPROT_DHCP, unix.RTPROT_KERNEL} {
		for _, family := range families() {
			filter := routeFilter{family: family, table: hostnet.TableMain, protocol: protocol, kind: hostnet.RouteUnicast}
			routes, err := p.routes(ctx, filter, hostnet.Route.IsDefault)
			if err != nil && !errors.Is(err, ErrInterrupted) {
				return err
			}
			distribute(links, routes, nil)
		}
	}
	return nil
}
