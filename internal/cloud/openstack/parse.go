package openstack

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// network is network_data.json. Its entries are decoded one by one, so that one
// in doubt leaves the others as they are.
type network struct {
	Links    []json.RawMessage `json:"links"`
	Networks []json.RawMessage `json:"networks"`
}

type link struct {
	ID   cloud.Text `json:"id"`
	Type cloud.Text `json:"type"`
	MAC  cloud.Text `json:"ethernet_mac_address"`
	MTU  cloud.Text `json:"mtu"`
	VIF  cloud.Text `json:"vif_id"`
	// Bond are the links that a bond is made of.
	Bond cloud.Texts `json:"bond_links"`
}

// Parse reads the two documents. Bonds and VLANs, and the links that are part of a
// bond, are left out: who made them configures them, too.
func Parse(answers cloud.Answers) (hostnet.Metadata, error) {
	var doc network
	if err := cloud.DecodeWhole(answers.Bodies[networkData], &doc); err != nil {
		return hostnet.Metadata{}, fmt.Errorf("reading %q: %w", networkData, err)
	}
	links := parseLinks(doc.Links)
	bindNetworks(links, doc.Networks)
	markPrimary(links)
	var gaps cloud.Gaps
	m := hostnet.Metadata{System: parseSystem(answers, &gaps), NICs: finish(links, &gaps)}
	m.System.Details = append(m.System.Details, leftOut(links)...)
	m.Missing = gaps
	if len(m.NICs) == 0 && slices.ContainsFunc(links, func(b *builder) bool { return b.leftOut }) {
		return m, fmt.Errorf("reading %q: nothing but bonds and VLANs is listed: %w", networkData, cloud.ErrRefused)
	}
	var err error
	m.NICs, err = cloud.Distinct("ethernet_mac_address", m.NICs)
	return m, err
}

// parseLinks returns a builder for every link, so that each network finds its own.
func parseLinks(raw []json.RawMessage) []*builder {
	var links []*builder
	var members []string
	for _, raw := range raw {
		var doc link
		b := &builder{}
		if odd, err := cloud.Decode(raw, &doc); odd != "" || err != nil {
			b.gaps.Add(odd)
		}
		b.id, b.kind = string(doc.ID), string(doc.Type)
		b.leftOut = b.stacked()
		members = append(members, doc.Bond...)
		b.nic.MAC = b.gaps.MAC("ethernet_mac_address", string(doc.MAC))
		b.nic.MTUBytes = b.gaps.MTU("mtu", string(doc.MTU))
		b.nic.ID = cloud.ParseFact(string(cmp.Or(doc.VIF, doc.ID)))
		links = append(links, b)
	}
	for _, b := range links {
		b.leftOut = b.leftOut || slices.Contains(members, b.id)
	}
	return links
}

// bindNetworks gives each network to its link. One of no link, or of several, may
// be any NIC's, and each of them is in doubt; and so they are without the list,
// which is not the same as an empty one.
func bindNetworks(links []*builder, raw []json.RawMessage) {
	if raw == nil {
		doubt(links)
	}
	for _, raw := range raw {
		var doc subnet
		odd, err := cloud.Decode(raw, &doc)
		named := func(b *builder) bool { return b.id == string(doc.Link) }
		i := slices.IndexFunc(links, named)
		if i < 0 || doc.Link == "" || slices.ContainsFunc(links[i+1:], named) {
			doubt(links)
			continue
		}
		if odd != "" || err != nil {
			links[i].gaps.Add("networks." + odd)
		}
		links[i].add(doc)
	}
}

func doubt(links []*builder) {
	for _, b := range links {
		b.gaps.Add("networks")
	}
}

// markPrimary marks the NIC with the default route, the first of several. Where
// DHCP serves another one, the default route may as well be that one's, and none
// is marked; and none where it is a bond's or a VLAN's.
func markPrimary(links []*builder) {
	nics := slices.DeleteFunc(slices.Clone(links), func(b *builder) bool { return b.leftOut && !b.stacked() })
	if len(nics) == 1 {
		nics[0].nic.Primary = true
		return
	}
	i := slices.IndexFunc(nics, func(b *builder) bool { return b.nic.Gateway4.IsValid() })
	if i < 0 {
		i = slices.IndexFunc(nics, func(b *builder) bool { return b.nic.Gateway6.IsValid() })
	}
	hidden := func(b *builder) bool { return b.hidden4 || b.hidden6 }
	if i < 0 || slices.ContainsFunc(slices.Delete(slices.Clone(nics), i, i+1), hidden) {
		return
	}
	nics[i].nic.Primary = true
}

// finish leaves out a NIC without a MAC: it could be any.
func finish(links []*builder, gaps *cloud.Gaps) []hostnet.NIC {
	var nics []hostnet.NIC
	for i, b := range links {
		switch {
		case b.leftOut:
		case b.nic.MAC == "":
			gaps.Add(fmt.Sprintf("links[%d].ethernet_mac_address", i))
		default:
			nics = append(nics, b.finish())
		}
	}
	return nics
}
