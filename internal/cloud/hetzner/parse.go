package hetzner

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// server is what is used of the first document.
type server struct {
	ID         cloud.Text      `json:"instance-id"`
	Hostname   cloud.Text      `json:"hostname"`
	Region     cloud.Text      `json:"region"`
	Zone       cloud.Text      `json:"availability-zone"`
	PublicIPv4 cloud.Text      `json:"public-ipv4"`
	PublicKeys cloud.Texts     `json:"public-keys"`
	Network    json.RawMessage `json:"network-config"`
}

// Parse reads the two documents. The public NIC is the primary one; a server
// without any has the private one with the lowest number.
func Parse(answers cloud.Answers) (hostnet.Metadata, error) {
	var doc server
	if err := decode(answers.Bodies[instance], &doc); err != nil {
		return hostnet.Metadata{}, fmt.Errorf("reading %q: %w", instance, err)
	}
	var gaps cloud.Gaps
	m := hostnet.Metadata{System: doc.system(&gaps)}
	known := len(gaps)
	nics := doc.publicNICs(&gaps)
	alone := len(nics) == 0 && len(gaps) == known
	nics = append(nics, parseAttachments(answers, alone, &gaps)...)
	m.Missing = gaps
	var err error
	m.NICs, err = cloud.Distinct("mac_address", nics)
	return m, err
}

// decode refuses a document that is of another kind as a whole.
func decode(raw []byte, into any) error {
	text, err := toJSON(raw)
	if err != nil {
		return err
	}
	return cloud.DecodeWhole(text, into)
}

func (s server) system(gaps *cloud.Gaps) hostnet.System {
	system := hostnet.System{
		Provider:   "hetzner",
		InstanceID: cloud.ParseFact(string(s.ID)),
		Name:       cloud.ParseFact(string(s.Hostname)),
		Hostname:   cloud.ParseFact(string(s.Hostname)),
		Region:     cloud.ParseFact(string(s.Region)),
		Zone:       cloud.ParseFact(string(s.Zone)),
		SSHKeys:    cloud.ParseKeys(strings.Join(s.PublicKeys, "\n")),
	}
	if system.InstanceID == "" {
		gaps.Add("instance-id")
	}
	if addr := gaps.Addr4("public-ipv4", string(s.PublicIPv4)); addr.IsValid() {
		system.PublicIPv4 = addr.String()
	}
	return system
}
