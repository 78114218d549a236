package aws

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Answers is what was read of the service, by path below "latest/". What it does
// not have is in neither.
type Answers struct {
	Bodies map[string][]byte
	// Failed says why a key could not be had.
	Failed map[string]string
}

// Parse says what the answers mean. The error is that of a list of NICs that is
// not to be believed: empty, or not one of MACs.
func Parse(a Answers) (hostnet.Metadata, error) {
	names := a.macNames()
	if len(names) == 0 {
		return hostnet.Metadata{}, errors.New("parsing metadata: the list of NICs is empty")
	}
	m := hostnet.Metadata{Documents: map[string][]byte{}}
	primary := false
	for _, name := range names {
		mac, ok := parseMAC(name)
		if !ok {
			return hostnet.Metadata{}, fmt.Errorf("parsing metadata: the list of NICs has %q, which is no MAC", name)
		}
		nic := a.nic(name, mac)
		primary = primary || nic.Primary
		m.NICs = append(m.NICs, nic)
	}
	if !primary {
		m.Missing = append(m.Missing, fmt.Sprintf("primary NIC: %q is not in the list of NICs", a.Bodies[macPath]))
	}
	slices.SortFunc(m.NICs, func(a, b hostnet.NIC) int { return strings.Compare(a.MAC, b.MAC) })
	m.Missing = append(m.Missing, a.associate(m.NICs)...)
	a.system(&m)
	return m, nil
}

// parseMAC returns a MAC of Ethernet in lower case with colons.
func parseMAC(text string) (string, bool) {
	mac, err := net.ParseMAC(text)
	return mac.String(), err == nil && len(mac) == 6
}

// parseAddrs reads addresses of one family, in order and each once. One that is
// none of a host makes the whole doubtful.
func parseAddrs(texts []string, is4 bool) ([]netip.Addr, bool) {
	var addrs []netip.Addr
	for _, text := range texts {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Is4() != is4 || addr.Is4In6() || addr.Zone() != "" || !addr.IsGlobalUnicast() {
			return nil, false
		}
		if !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs, true
}

// parsePrefixes reads prefixes of one family, masked, in order and each once.
func parsePrefixes(texts []string, is4 bool) ([]netip.Prefix, bool) {
	var prefixes []netip.Prefix
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil || prefix.Addr().Is4() != is4 || prefix.Bits() == 0 {
			return nil, false
		}
		if prefix = prefix.Masked(); !slices.Contains(prefixes, prefix) {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes, true
}
