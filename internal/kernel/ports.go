package kernel

import (
	"context"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Ports returns the links that have the link with this ifindex for their
// master; none where there is no such link.
func (c *Conn) Ports(ctx context.Context, master int) ([]hostnet.Link, error) {
	var ports []hostnet.Link
	err := wholeDump(ctx, func() error {
		ports = ports[:0]
		req := c.request(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(master))))
		answer, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
		for _, body := range answer {
			message{kind: unix.RTM_NEWLINK, body: body}.decode(func(change hostnet.Change) {
				if change.Link.MasterIndex == master {
					ports = append(ports, change.Link)
				}
			})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading ports of link %d: %w", master, err)
	}
	return ports, nil
}
