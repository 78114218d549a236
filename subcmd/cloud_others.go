package subcmd

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/networkd"
)

// keeperOf names who configures a link: systemd-networkd by its state file, or
// NetworkManager by its own; empty for nobody.
func keeperOf(index int) string {
	file, err := networkd.ReadLinkFile(networkd.StateDir, index)
	if err == nil {
		switch file.States[hostnet.AdministrativeState] {
		case "", "unmanaged", "linger":
		default:
			return "systemd-networkd"
		}
	}
	raw, err := os.ReadFile(filepath.Join("/run/NetworkManager/devices", strconv.Itoa(index)))
	if err == nil && slices.Contains(strings.Split(string(raw), "\n"), "managed=true") {
		return "NetworkManager"
	}
	return ""
}

// guestAgentProtocol is the routing protocol number of google-guest-agent.
const guestAgentProtocol = 66

// rivalOf names another agent that configures a NIC of the metadata; empty for
// none. Two of them would undo each other's work.
func rivalOf(nic hostnet.NIC, facts hostnet.LinkFacts) string {
	link := facts.Link.Name
	isTheirs := func(r hostnet.Route) bool { return r.Protocol == guestAgentProtocol }
	switch {
	case slices.ContainsFunc(facts.Routes, isTheirs):
		return "google-guest-agent"
	case exists("/run/systemd/network/70-"+link+".network") || exists("/run/systemd/network/70-"+link+".network.d"):
		return "amazon-ec2-net-utils"
	case exists("/run/netconfig/cloud/" + link):
		return "cloud-netconfig"
	case !nic.Primary && exists("/etc/cni/net.d/10-aws.conflist"):
		return "AWS VPC CNI"
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
