package kernel

import (
	"context"
	"fmt"
	"net/netip"
)

// LinkAddresses returns the addresses of the link with this index, those that
// cannot be used yet included. The error is hostnet.ErrLinkGone when there is none.
func (c *Conn) LinkAddresses(ctx context.Context, index int) ([]netip.Addr, error) {
	var list []netip.Addr
	err := wholeDump(ctx, func() error {
		details, err := c.addresses(index)
		list = list[:0]
		for _, a := range details {
			list = append(list, a.Prefix.Addr())
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading addresses of link %d: %w", index, goneError(err))
	}
	return list, nil
}
