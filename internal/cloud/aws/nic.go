package aws

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// nicParser makes a NIC of the keys in its directory.
type nicParser struct {
	answers Answers
	dir     string
	listed  []string
	nic     hostnet.NIC
}

// nic is all or nothing for the planner: whatever is listed and was not had, is
// empty or makes no sense is in Missing.
func (a Answers) nic(name, mac string) hostnet.NIC {
	p := &nicParser{answers: a, dir: macsPath + name + "/", listed: a.listed(name)}
	p.nic = hostnet.NIC{MAC: mac, Primary: a.isPrimary(name), Addresses: []hostnet.CloudAddress{}}
	if len(p.listed) == 0 {
		p.missing("directory", p.why(p.dir))
		return p.nic
	}
	p.identity()
	p.family("local-ipv4s", "subnet-ipv4-cidr-block", "ipv4-prefix", true)
	p.family("ipv6s", "subnet-ipv6-cidr-blocks", "ipv6-prefix", false)
	if !p.has("local-ipv4s") && !p.has("ipv6s") && len(p.nic.Missing) == 0 {
		p.missing("local-ipv4s", "not listed, and neither is ipv6s")
	}
	p.nic.FirstHost = p.has("local-ipv4s")
	return p.nic
}

func (p *nicParser) missing(key, why string) { p.nic.Missing = append(p.nic.Missing, key+": "+why) }

func (p *nicParser) has(key string) bool { return slices.Contains(p.listed, key) }

// why says how a key that should be there is not. Absent is what a directory
// that is ahead of its keys gives while a NIC propagates.
func (p *nicParser) why(path string) string {
	if reason, failed := p.answers.Failed[path]; failed {
		return reason
	}
	if _, ok := p.answers.Bodies[path]; ok {
		return "empty"
	}
	return "not there yet"
}

// lines are those of a key that is listed; none where it is missing.
func (p *nicParser) lines(key string) []string {
	found := lines(p.answers.Bodies[p.dir+key])
	if len(found) == 0 {
		p.missing(key, p.why(p.dir+key))
	}
	return found
}

func (p *nicParser) identity() {
	if p.has("interface-id") {
		if id := p.lines("interface-id"); len(id) > 0 {
			p.nic.ID = printable(id[0])
		}
	}
	if p.nic.Primary {
		return
	}
	if !p.has("device-number") {
		p.missing("device-number", "not listed")
		return
	}
	p.nic.Device = p.number("device-number")
	for _, key := range []string{"network-card", "network-card-index"} {
		if p.has(key) {
			p.nic.Card = p.number(key)
			break
		}
	}
	// 0 on card 0 is the primary NIC's. Another NIC has it for a while after it
	// was attached: amazon-ec2-net-utils issue 90.
	if p.nic.Device == 0 && p.nic.Card == 0 && len(p.nic.Missing) == 0 {
		p.missing("device-number", "0, which is the primary NIC's: not there yet")
	}
}

// number is a key's number; what is none is missing.
func (p *nicParser) number(key string) int {
	text := p.lines(key)
	if len(text) == 0 {
		return 0
	}
	n, err := strconv.ParseUint(text[0], 10, 16)
	if err != nil || len(text) > 1 {
		p.missing(key, "not a number")
	}
	return int(n)
}

// family takes the addresses, subnets and ranges of one address family.
func (p *nicParser) family(addresses, subnets, ranges string, is4 bool) {
	if p.has(ranges) {
		for _, prefix := range p.prefixes(ranges, is4) {
			p.nic.Ranges = append(p.nic.Ranges, hostnet.CloudRange{Prefix: prefix, Kind: "delegated"})
		}
	}
	if !p.has(addresses) {
		// A NIC in a subnet with IPv4 always has an address of it. IPv6 is optional.
		if is4 && (p.has(subnets) || p.has(ranges)) {
			p.missing(addresses, "not listed")
		}
		return
	}
	if !p.has(subnets) {
		p.missing(subnets, "not listed")
	} else {
		p.nic.Subnets = append(p.nic.Subnets, p.prefixes(subnets, is4)...)
	}
	texts := p.lines(addresses)
	addrs, ok := parseAddrs(texts, is4)
	if !ok {
		p.missing(addresses, "malformed: "+summary(texts))
	}
	for i, addr := range addrs {
		p.nic.Addresses = append(p.nic.Addresses, hostnet.CloudAddress{Addr: addr, Bits: p.bits(addr), Role: role(i)})
	}
}

func (p *nicParser) prefixes(key string, is4 bool) []netip.Prefix {
	texts := p.lines(key)
	prefixes, ok := parsePrefixes(texts, is4)
	if !ok {
		p.missing(key, "malformed: "+summary(texts))
	}
	return prefixes
}

// bits is the length of the subnet that an address is in.
func (p *nicParser) bits(addr netip.Addr) int {
	for _, subnet := range p.nic.Subnets {
		if subnet.Contains(addr) {
			return subnet.Bits()
		}
	}
	return 0
}

// role is by place: the first of each family is the one that DHCP hands out.
func role(i int) hostnet.Role {
	if i == 0 {
		return hostnet.RolePrimary
	}
	return hostnet.RoleSecondary
}

// summary is the start of a text that made no sense, in one line.
func summary(texts []string) string {
	text := strings.Join(texts, " ")
	return strconv.Quote(text[:min(len(text), 64)])
}
