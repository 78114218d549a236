package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// maxAlternativeName is ALTIFNAMSIZ of uapi/linux/if.h less the terminating NUL.
const maxAlternativeName = 127

// LinkDetails returns everything the kernel tells of the link with this index.
// The error is hostnet.ErrLinkGone when there is none, or when it vanishes
// while it is looked at.
func (c *Conn) LinkDetails(ctx context.Context, index int) (hostnet.LinkDetails, error) {
	link, err := c.link(index)
	if err != nil {
		return hostnet.LinkDetails{}, fmt.Errorf("reading link %d: %w", index, err)
	}
	d := linkDetails(link)
	if d.MasterIndex != 0 {
		c.describeMaster(&d, link)
	}
	complete, err := retryDump(ctx, func() (err error) {
		d.Addresses, err = c.addresses(index)
		return err
	})
	if err != nil {
		return hostnet.LinkDetails{}, fmt.Errorf("reading addresses of %q: %w", d.Name, goneError(err))
	}
	d.AddressesTruncated = !complete
	complete, err = retryDump(ctx, func() (err error) {
		d.Routes, d.RoutesTruncated, err = c.routes(ctx, index)
		return err
	})
	if err != nil {
		return hostnet.LinkDetails{}, fmt.Errorf("reading routes of %q: %w", d.Name, goneError(err))
	}
	d.RoutesTruncated = d.RoutesTruncated || !complete
	return d, nil
}

// LinkName returns the present name of the link with this index, or
// hostnet.ErrLinkGone.
func (c *Conn) LinkName(index int) (string, error) {
	link, err := c.link(index)
	if err != nil {
		return "", fmt.Errorf("reading link %d: %w", index, err)
	}
	return link.Attrs().Name, nil
}

// LinkIndex returns the index of the link with this name, or one of its
// alternative names, or hostnet.ErrLinkGone.
func (c *Conn) LinkIndex(name string) (int, error) {
	if name == "" || len(name) > maxAlternativeName || strings.Contains(name, "\x00") {
		return 0, fmt.Errorf("looking up link %q: %w", name, hostnet.ErrLinkGone)
	}
	link, err := c.handle.LinkByName(name)
	if err != nil {
		return 0, fmt.Errorf("looking up link %q: %w", name, goneError(err))
	}
	return link.Attrs().Index, nil
}

// typedLink is a link with its ARPHRD_* type, which the library drops.
type typedLink struct {
	netlink.Link
	arpType uint16
}

func (c *Conn) link(index int) (typedLink, error) {
	if index <= 0 {
		return typedLink{}, hostnet.ErrLinkGone // the kernel says EINVAL
	}
	req := c.request(unix.RTM_GETLINK, 0)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	answer, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil {
		return typedLink{}, goneError(err)
	}
	if len(answer) != 1 {
		return typedLink{}, fmt.Errorf("the kernel answered with %d links", len(answer))
	}
	link, err := netlink.LinkDeserialize(nil, answer[0])
	if err != nil {
		return typedLink{}, err
	}
	return typedLink{link, nl.DeserializeIfInfomsg(answer[0]).Type}, nil
}

// goneError makes ErrLinkGone of the kernel's ways to say that there is no
// such link.
func goneError(err error) error {
	var notFound netlink.LinkNotFoundError
	if errors.Is(err, unix.ENODEV) || errors.As(err, &notFound) {
		return hostnet.ErrLinkGone
	}
	return err
}

func linkDetails(l typedLink) hostnet.LinkDetails {
	a := l.Attrs()
	d := hostnet.LinkDetails{
		Link: hostnet.Link{
			Index: a.Index, Name: a.Name, Flags: a.RawFlags, OperState: uint8(a.OperState),
			MasterIndex: a.MasterIndex, Type: l.arpType,
		},
		AlternativeNames: a.AltNames,
		HardwareAddr:     a.HardwareAddr.String(),
		Alias:            a.Alias,
		MTU:              a.MTU,
		TxQueueLen:       a.TxQLen,
		ParentIndex:      a.ParentIndex,
		NamespaceID:      a.NetNsID,
		EncapType:        a.EncapType,
		Promiscuity:      a.Promisc,
		TxQueues:         a.NumTxQueues,
		RxQueues:         a.NumRxQueues,
		GSOMaxSize:       a.GSOMaxSize,
		GSOMaxSegs:       a.GSOMaxSegs,
		Group:            a.Group,
	}
	if a.Xdp != nil {
		d.XDP = hostnet.XDP{
			FD: a.Xdp.Fd, Attached: a.Xdp.Attached, Flags: a.Xdp.Flags, ProgramID: a.Xdp.ProgId,
		}
	}
	if a.Statistics != nil {
		d.Statistics = hostnet.LinkStatistics(*a.Statistics)
	}
	return d
}

// describeMaster adds what there is to say of the link above. It may be gone
// already; then there is nothing.
func (c *Conn) describeMaster(d *hostnet.LinkDetails, link netlink.Link) {
	master, err := c.link(d.MasterIndex)
	if err != nil {
		return
	}
	d.MasterKind = master.Type()
	if d.MasterKind == "bridge" {
		if port, err := c.handle.LinkGetProtinfo(link); err == nil {
			d.BridgePort = port.String()
		}
	}
}

func (c *Conn) addresses(index int) ([]hostnet.AddrDetails, error) {
	req := c.request(unix.RTM_GETADDR, unix.NLM_F_DUMP)
	msg := nl.NewIfAddrmsg(unix.AF_UNSPEC)
	msg.Index = uint32(index)
	req.AddData(msg)
	answer, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
	var all []hostnet.AddrDetails
	for _, body := range answer {
		message{kind: unix.RTM_NEWADDR, body: body}.decode(func(change hostnet.Change) {
			if change.Index == index {
				all = append(all, addrDetails(change.Addr, body))
			}
		})
	}
	return all, err // both of them where the dump was interrupted
}

func addrDetails(addr hostnet.Addr, body []byte) hostnet.AddrDetails {
	d := hostnet.AddrDetails{Addr: addr}
	eachAttribute(body, unix.SizeofIfAddrmsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.IFA_BROADCAST:
			d.Broadcast, _ = netip.AddrFromSlice(v)
		case unix.IFA_LABEL:
			d.Label = text(v)
		case unix.IFA_CACHEINFO: // struct ifa_cacheinfo: preferred, valid, ...
			if len(v) >= 8 {
				d.PreferredSeconds, d.ValidSeconds = native32(v), native32(v[4:])
			}
		}
	})
	return d
}
