package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// ServeRA starts a router advertisement daemon on the segment, which is given
// the first address of the prefix. Hosts make their own addresses (SLAAC).
func (s *Segment) ServeRA(ctx context.Context, prefix netip.Prefix) (*Process, error) {
	router := netip.PrefixFrom(prefix.Masked().Addr().Next(), prefix.Bits())
	_, err := s.lab.Run(ctx, "ip", "address", "replace", router.String(), "dev", s.Bridge, "nodad")
	if err != nil {
		return nil, fmt.Errorf("advertising a router on %q: %w", s.Bridge, err)
	}
	// A router says so in its neighbour advertisements, and the kernel's do only if
	// it forwards. networkd 257 takes the default route back, by RFC 4861 section
	// 7.2.5, when one does not.
	forwarding := "/proc/sys/net/ipv6/conf/" + s.Bridge + "/forwarding"
	if _, err := s.lab.Run(ctx, "sh", "-c", "echo 1 >"+forwarding); err != nil {
		return nil, fmt.Errorf("making a router of %q: %w", s.Bridge, err)
	}
	server, err := s.dnsmasq(ctx, "--enable-ra", fmt.Sprintf("--dhcp-range=%s,ra-only", prefix.Masked().Addr()))
	if err != nil {
		return nil, fmt.Errorf("advertising a router on %q: %w", s.Bridge, err)
	}
	return server, nil
}

// routerAdvertisement is the type of the message, RFC 4861 section 4.2.
const routerAdvertisement = 134

// Advertise sends one router advertisement, as the daemon of ServeRA does, with
// a lifetime in whole seconds; 0 takes the router back.
func (s *Segment) Advertise(lifetime time.Duration) error {
	message := make([]byte, 16)
	message[0] = routerAdvertisement
	message[4] = 64 // the hop limit that hosts are to use
	binary.BigEndian.PutUint16(message[6:], uint16(lifetime/time.Second))
	err := s.lab.Do(func() error { return multicast(s.Bridge, message) })
	if err != nil {
		return fmt.Errorf("advertising a router on %q: %w", s.Bridge, err)
	}
	return nil
}

// multicast sends an ICMPv6 message to all nodes of a link; the kernel writes
// its checksum. It is the calling thread's namespace that counts.
func multicast(link string, message []byte) error {
	i, err := net.InterfaceByName(link)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// Hosts drop one that could have crossed a router: RFC 4861 section 6.1.2.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255); err != nil {
		return err
	}
	return unix.Sendto(fd, message, 0, &unix.SockaddrInet6{
		Addr: netip.IPv6LinkLocalAllNodes().As16(), ZoneId: uint32(i.Index),
	})
}
