package networkd

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// StateDir is where networkd keeps its files. They are declared private and
// are what there is where D-Bus is silent; every key may be missing, and a
// signal comes before the file it tells of is written.
const StateDir = "/run/systemd/netif"

// LinkFile is what links/N tells of a link, less what is not what it claims
// to be: name servers and domains may come from DHCP or a router.
type LinkFile struct {
	// States lacks the properties that the file does not tell.
	States hostnet.States
	// LeastOnline is the worst operational state with which networkd calls the link
	// online; empty where the file does not tell.
	LeastOnline string
	NetworkFile string
	DNS         []string
	NTP         []string
	// Domains are the search domains in effect, without those that only choose a
	// resolver.
	Domains []string
	// Rejected says what was left out and why, for the log.
	Rejected []string
}

// ReadLinkFile reads what networkd keeps of the link with this index; dir is
// StateDir but in tests. The error is fs.ErrNotExist for a link that networkd
// does not know, or has not told of yet.
func ReadLinkFile(dir string, index int) (LinkFile, error) {
	raw, err := readFile(filepath.Join(dir, "links", strconv.Itoa(index)))
	if err != nil {
		return LinkFile{}, fmt.Errorf("reading state of link %d: %w", index, err)
	}
	return parseLinkFile(raw), nil
}

// ReadManagerStates reads networkd's own states; dir is StateDir but in tests.
func ReadManagerStates(dir string) (hostnet.States, error) {
	raw, err := readFile(filepath.Join(dir, "state"))
	if err != nil {
		return nil, fmt.Errorf("reading state of networkd: %w", err)
	}
	return parseLinkFile(raw).States, nil // a subset of the same keys
}

// parseLinkFile takes from a state file all that can be trusted. Of a key that
// is there twice the last counts, as it does for systemd.
func parseLinkFile(raw []byte) LinkFile {
	file := LinkFile{States: make(hostnet.States)}
	var rejected rejects
	for _, a := range parseEnvFile(raw) {
		if p, ok := stateProperty(a.key); ok {
			if hostnet.IsState(p, a.value) {
				file.States[p] = a.value
			} else {
				rejected.add(a.key, a.value, "is not a state")
			}
			continue
		}
		file.take(a, &rejected)
	}
	file.Rejected = rejected.lines()
	return file
}

func stateProperty(key string) (hostnet.Property, bool) {
	switch key {
	case "ADMIN_STATE":
		return hostnet.AdministrativeState, true
	case "OPER_STATE":
		return hostnet.OperationalState, true
	case "CARRIER_STATE":
		return hostnet.CarrierState, true
	case "ADDRESS_STATE":
		return hostnet.AddressState, true
	case "IPV4_ADDRESS_STATE":
		return hostnet.IPv4AddressState, true
	case "IPV6_ADDRESS_STATE":
		return hostnet.IPv6AddressState, true
	case "ONLINE_STATE":
		return hostnet.OnlineState, true
	}
	return "", false
}

func (f *LinkFile) take(a assignment, rejected *rejects) {
	words := func(r rule) []string {
		kept, _ := r.apply(a.key, a.value, rejected)
		return strings.Fields(kept)
	}
	switch a.key {
	case "REQUIRED_OPER_STATE_FOR_ONLINE": // MIN:MAX, or MIN alone
		least, _, _ := strings.Cut(a.value, ":")
		f.LeastOnline, _ = rule{what: "an operational state", is: isOperationalState}.apply(a.key, least, rejected)
	case "NETWORK_FILE":
		f.NetworkFile, _ = rule{what: "a path", is: isPath}.apply(a.key, a.value, rejected)
	case "DNS":
		f.DNS = words(rule{what: "a name server", is: isDNSServer, list: true})
	case "NTP":
		f.NTP = words(rule{what: "an address or a domain name", is: isAddrOrDomain, list: true})
	case "DOMAINS":
		f.Domains = words(rule{what: "a domain name", is: hostnet.ValidDomain, list: true})
	}
}

// Facts composes what networkd tells of a link for its hooks. Name servers are
// those in effect: a lease's that the link was told not to use are not.
func Facts(link LinkFile, lease Lease) hostnet.NetworkFacts {
	return hostnet.NetworkFacts{
		NetworkFile:  link.NetworkFile,
		DNS:          link.DNS,
		Domains:      link.Domains,
		DomainSearch: lease.DomainSearch,
		NTP:          link.NTP,
	}
}
