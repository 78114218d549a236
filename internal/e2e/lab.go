package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Lab is a network namespace around machines: what their cables end in. It has
// no name and ends with the process.
type Lab struct {
	thread  *thread
	started processes
	ports   int // how many were made, for their names
}

// NewLab makes an empty lab.
func NewLab(ctx context.Context) (*Lab, error) {
	t, err := newThread(func() error { return unshare(unix.CLONE_NEWNET) })
	if err != nil {
		return nil, fmt.Errorf("making a lab: %w", err)
	}
	l := &Lab{thread: t}
	if _, err := l.Run(ctx, "ip", "link", "set", "lo", "up"); err != nil {
		return nil, errors.Join(fmt.Errorf("making a lab: %w", err), l.Close())
	}
	return l, nil
}

// Close ends what was started in the lab; its links go with the namespace.
func (l *Lab) Close() error {
	err := l.started.stop()
	l.thread.close()
	return err
}

// Run runs a program of this machine in the lab and returns what it printed on
// stdout; what it printed on stderr is in the error.
func (l *Lab) Run(ctx context.Context, args ...string) (string, error) {
	return run(ctx, command(ctx, nil, args...), l.thread.start, args)
}

// Start starts a program of this machine in the lab. It ends with the lab.
func (l *Lab) Start(args ...string) (*Process, error) {
	p, err := startProcess(command(context.Background(), nil, args...), l.thread.start, args)
	if err == nil {
		l.started.add(p)
	}
	return p, err
}

// Do runs fn in the lab: sockets that it opens are the lab's, wherever they are
// used later.
func (l *Lab) Do(fn func() error) error { return l.thread.do(fn) }

// Listen is net.Listen in the lab.
func (l *Lab) Listen(network, address string) (net.Listener, error) {
	var listener net.Listener
	err := l.Do(func() (err error) {
		listener, err = net.Listen(network, address)
		return err
	})
	return listener, err
}

// Segment is one Ethernet segment of a lab: a bridge with the lab's own address.
type Segment struct {
	Bridge  string
	Address netip.Prefix // the lab's own, and the gateway of its DHCP server

	lab *Lab
}

// AddSegment makes a segment.
func (l *Lab) AddSegment(ctx context.Context, bridge string, address netip.Prefix) (*Segment, error) {
	s := &Segment{Bridge: bridge, Address: address, lab: l}
	for _, args := range [][]string{
		// No forwarding delay: without STP a port forwards at once, bridge(8).
		{"link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0"},
		{"address", "add", address.String(), "dev", bridge},
		{"link", "set", bridge, "up"},
	} {
		if _, err := l.Run(ctx, append([]string{"ip"}, args...)...); err != nil {
			return nil, fmt.Errorf("making segment %q: %w", bridge, err)
		}
	}
	return s, nil
}

// metadataAddress is where all clouds serve instance metadata.
const metadataAddress = "169.254.169.254"

// ListenMetadata gives the segment the address of a cloud's metadata service and
// listens on it.
func (s *Segment) ListenMetadata(ctx context.Context) (net.Listener, error) {
	_, err := s.lab.Run(ctx, "ip", "address", "replace", metadataAddress+"/32", "dev", s.Bridge)
	if err != nil {
		return nil, fmt.Errorf("serving metadata on %q: %w", s.Bridge, err)
	}
	return s.lab.Listen("tcp", net.JoinHostPort(metadataAddress, "80"))
}

// DHCP is what a segment's DHCP server hands out.
type DHCP struct {
	First, Last netip.Addr
	// Lease is how long a lease lasts; dnsmasq knows none shorter than 2 minutes.
	Lease time.Duration
	// Hosts are addresses kept for hardware addresses.
	Hosts map[string]netip.Addr
	// Options are further arguments of dnsmasq(8).
	Options []string
}

// dnsmasqStarted is what dnsmasq says once its sockets are open.
var dnsmasqStarted = regexp.MustCompile(`dnsmasq\[\d+\]: started,`)

// ServeDHCP starts a DHCP server on the segment. Its log, a line for each DHCP
// message, is the process's output.
func (s *Segment) ServeDHCP(ctx context.Context, d DHCP) (*Process, error) {
	args := []string{
		// Nobody else is here: answer a client that remembers another server's
		// lease, and do not wait three seconds for a ping's answer.
		"--dhcp-authoritative", "--no-ping",
		fmt.Sprintf("--dhcp-range=%s,%s,%s,%d", d.First, d.Last, mask(s.Address), int(d.Lease.Seconds())),
	}
	for mac, address := range d.Hosts {
		args = append(args, fmt.Sprintf("--dhcp-host=%s,%s", mac, address))
	}
	server, err := s.dnsmasq(ctx, append(args, d.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("serving DHCP on %q: %w", s.Bridge, err)
	}
	return server, nil
}

// dnsmasq starts dnsmasq(8) on the segment, without its DNS.
func (s *Segment) dnsmasq(ctx context.Context, args ...string) (*Process, error) {
	server, err := s.lab.Start(append([]string{
		"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-", "--log-dhcp",
		// It keeps nothing on disk, and its user may not exist.
		"--leasefile-ro", "--pid-file=", "--user=root", "--group=",
		"--port=0", "--no-resolv", "--no-hosts", "--bind-interfaces", "--interface=" + s.Bridge, "--except-interface=lo",
	}, args...)...)
	if err != nil {
		return nil, err
	}
	if _, err := server.Line(ctx, dnsmasqStarted); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

// mask is the netmask of an IPv4 prefix in dotted form.
func mask(p netip.Prefix) string { return net.IP(net.CIDRMask(p.Bits(), 32)).String() }

// Link is a machine's end of a cable.
type Link struct {
	Name string
	MAC  string
	// Index is its ifindex; 0 lets the kernel choose.
	Index int
}

// Port is the lab's end of a cable to a machine.
type Port struct {
	Link Link
	Name string // of the veth in the lab

	lab *Lab
}

// Attach plugs a new link into a booted machine.
func (s *Segment) Attach(ctx context.Context, m *Machine, link Link) (*Port, error) {
	s.lab.ports++
	p := &Port{Link: link, Name: "port" + strconv.Itoa(s.lab.ports), lab: s.lab}
	args := []string{"ip", "link", "add", "name", link.Name, "address", link.MAC}
	if link.Index != 0 {
		args = append(args, "index", strconv.Itoa(link.Index))
	}
	// The kernel makes the link in the machine's namespace at once: neither
	// this machine nor the lab ever sees it.
	args = append(args, "netns", fmt.Sprintf("/proc/%d/ns/net", m.Leader()),
		"type", "veth", "peer", "name", p.Name)
	if _, err := s.lab.Run(ctx, args...); err != nil {
		return nil, fmt.Errorf("attaching %q: %w", link.Name, err)
	}
	if _, err := s.lab.Run(ctx, "ip", "link", "set", p.Name, "master", s.Bridge, "up"); err != nil {
		return nil, fmt.Errorf("attaching %q: %w", link.Name, err)
	}
	return p, nil
}

// Cut takes the carrier from the machine's link, as pulling the cable does.
func (p *Port) Cut(ctx context.Context) error {
	_, err := p.lab.Run(ctx, "ip", "link", "set", p.Name, "down")
	return err
}

// Restore gives the carrier back.
func (p *Port) Restore(ctx context.Context) error {
	_, err := p.lab.Run(ctx, "ip", "link", "set", p.Name, "up")
	return err
}

// Detach removes the link from the machine, as unplugging a NIC does.
func (p *Port) Detach(ctx context.Context) error {
	_, err := p.lab.Run(ctx, "ip", "link", "delete", p.Name)
	return err
}

// Packets returns how many packets the machine has sent and received on the link,
// counted in the lab.
func (p *Port) Packets(ctx context.Context) (sent, received uint64, err error) {
	out, err := p.lab.Run(ctx, "ip", "-json", "-stats", "link", "show", p.Name)
	if err != nil {
		return 0, 0, err
	}
	var links []struct {
		Stats64 struct {
			RX, TX struct{ Packets uint64 }
		}
	}
	if err := json.Unmarshal([]byte(out), &links); err != nil {
		return 0, 0, fmt.Errorf("reading the counters of %q: %w", p.Name, err)
	}
	if len(links) != 1 {
		return 0, 0, fmt.Errorf("reading the counters of %q: %d links", p.Name, len(links))
	}
	return links[0].Stats64.RX.Packets, links[0].Stats64.TX.Packets, nil
}
