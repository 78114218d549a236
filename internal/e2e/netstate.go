package e2e

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// NetState is the network of a machine as its kernel tells it.
type NetState struct {
	Links  map[int]hostnet.Link
	Addrs  map[int][]hostnet.Addr
	Rules  []hostnet.Rule
	Routes []hostnet.Route
}

// dumpAttempts is how often a dump is repeated that the kernel changed under.
const dumpAttempts = 20

// NetState reads the machine's network.
func (m *Machine) NetState() (NetState, error) {
	socket, err := m.openNet()
	if err != nil {
		return NetState{}, fmt.Errorf("reading the machine's network: %w", err)
	}
	defer socket.Close()
	all, err := dump(socket)
	if err != nil {
		return NetState{}, fmt.Errorf("reading the machine's network: %w", err)
	}
	return replay(all), nil
}

// openNet opens a socket that receives what the kernel tells of the machine's
// network.
func (m *Machine) openNet() (socket *os.File, err error) {
	t, err := newThread(func() error { return enterNet(m.leader) })
	if err != nil {
		return nil, err
	}
	defer t.close()
	err = t.do(func() (err error) {
		socket, err = openRoutes()
		return err
	})
	return socket, err
}

// dump asks for all links, addresses, rules and routes, of both families. What
// changes meanwhile comes in between, in its place.
func dump(socket *os.File) ([]Notice, error) {
	var all []Notice
	for _, request := range []struct {
		kind   uint16
		family uint8
	}{
		{unix.RTM_GETLINK, unix.AF_UNSPEC},
		{unix.RTM_GETADDR, unix.AF_INET}, {unix.RTM_GETADDR, unix.AF_INET6},
		{unix.RTM_GETRULE, unix.AF_INET}, {unix.RTM_GETRULE, unix.AF_INET6},
		{unix.RTM_GETROUTE, unix.AF_INET}, {unix.RTM_GETROUTE, unix.AF_INET6},
	} {
		// An interrupted dump may lack something. What it has is no harm: its end
		// is told later on the same socket. NLM_F_DUMP_INTR, uapi/linux/netlink.h.
		interrupted := true
		for attempt := 0; interrupted; attempt++ {
			if attempt == dumpAttempts {
				return nil, errors.New("it keeps changing")
			}
			found, again, err := dumpOne(socket, dumpRequest(request.kind, request.family))
			if err != nil {
				return nil, err
			}
			all, interrupted = append(all, found...), again
		}
	}
	return all, nil
}

func dumpOne(socket *os.File, request []byte) (all []Notice, interrupted bool, err error) {
	if _, err := socket.Write(request); err != nil {
		return nil, false, err
	}
	buffer := make([]byte, datagramSize)
	for done := false; !done; {
		n, err := socket.Read(buffer)
		if err != nil {
			return nil, false, err
		}
		var found []Notice
		var again bool
		if found, done, again, err = notices(buffer[:n], time.Now()); err != nil {
			return nil, false, err
		}
		all, interrupted = append(all, found...), interrupted || again
	}
	return all, interrupted, nil
}

// dumpRequest is struct nlmsghdr and the header of that kind, which is no
// larger than struct rtmsg but for links.
func dumpRequest(kind uint16, family uint8) []byte {
	size := unix.SizeofRtMsg
	switch kind {
	case unix.RTM_GETLINK:
		size = unix.SizeofIfInfomsg
	case unix.RTM_GETADDR:
		size = unix.SizeofIfAddrmsg
	}
	request := make([]byte, unix.SizeofNlMsghdr+size)
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], kind)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request[unix.SizeofNlMsghdr] = family
	return request
}

// replay is where the notices lead to, from nothing.
func replay(all []Notice) NetState {
	s := NetState{Links: map[int]hostnet.Link{}, Addrs: map[int][]hostnet.Addr{}}
	for _, n := range all {
		s.apply(n)
	}
	return s
}

func (s *NetState) apply(n Notice) {
	switch n.Kind {
	case unix.RTM_NEWLINK:
		s.Links[n.Index] = n.Link
	case unix.RTM_DELLINK:
		delete(s.Links, n.Index)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		others := slices.DeleteFunc(s.Addrs[n.Index], func(a hostnet.Addr) bool { return a.Prefix == n.Addr.Prefix })
		if n.Kind == unix.RTM_NEWADDR {
			others = append(others, n.Addr)
		}
		s.Addrs[n.Index] = others
	case unix.RTM_NEWRULE:
		if !slices.Contains(s.Rules, n.Rule) { // told twice, if it was added during the dump
			s.Rules = append(s.Rules, n.Rule)
		}
	case unix.RTM_DELRULE:
		s.Rules = slices.DeleteFunc(s.Rules, func(r hostnet.Rule) bool { return r == n.Rule })
	case unix.RTM_NEWROUTE:
		for _, r := range n.Routes {
			if !slices.Contains(s.Routes, r) {
				s.Routes = append(s.Routes, r)
			}
		}
	case unix.RTM_DELROUTE:
		s.Routes = slices.DeleteFunc(s.Routes, func(r hostnet.Route) bool { return slices.Contains(n.Routes, r) })
	}
}

// Index returns the ifindex of a link; 0 without it.
func (s NetState) Index(link string) int {
	for index, l := range s.Links {
		if l.Name == link {
			return index
		}
	}
	return 0
}

// Addresses returns those addresses of a link that rules are for, those of both
// families in no order.
func (s NetState) Addresses(link string) []netip.Addr {
	var found []netip.Addr
	for _, a := range s.Addrs[s.Index(link)] {
		if managed(a) {
			found = append(found, a.Prefix.Addr())
		}
	}
	return found
}

// managed reports whether rules are for an address: global, and past duplicate
// address detection.
func managed(a hostnet.Addr) bool {
	return a.Usable() && a.Scope == hostnet.ScopeGlobal && a.Prefix.Addr().IsGlobalUnicast()
}

// Address returns the link's address of a family, if it has exactly one.
func (s NetState) Address(link string, family hostnet.Family) (netip.Addr, bool) {
	found := slices.DeleteFunc(s.Addresses(link), func(a netip.Addr) bool { return hostnet.FamilyOf(a) != family })
	if len(found) != 1 {
		return netip.Addr{}, false
	}
	return found[0], true
}
