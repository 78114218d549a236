package subcmd

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/networkd"
	"github.com/netbrk/netbrk/internal/report"
)

// Who may configure a link.
const (
	keeperNetworkd       = "systemd-networkd"
	keeperNetworkManager = "NetworkManager"
)

// keeperOf names who configures a link: systemd-networkd by its state file, or
// NetworkManager by its own; empty for nobody.
func keeperOf(index int) string {
	file, err := networkd.ReadLinkFile(networkd.StateDir, index)
	if err == nil {
		switch file.States[hostnet.AdministrativeState] {
		case "", "unmanaged", "linger":
		default:
			return keeperNetworkd
		}
	}
	raw, err := os.ReadFile(filepath.Join("/run/NetworkManager/devices", strconv.Itoa(index)))
	if err == nil && managesLink(raw) {
		return keeperNetworkManager
	}
	return ""
}

// managesLink reads NetworkManager's file of a device, a keyfile.
func managesLink(raw []byte) bool {
	return slices.Contains(strings.Split(string(raw), "\n"), "managed=true")
}

// wantedBy are where systemctl enable links a unit.
const wantedBy = "/etc/systemd/system/"

// rivalOf names another agent that configures a NIC of the metadata; empty for
// none. Two of them would undo each other's work. Its files, below root, tell: a
// unit that is enabled, or what it wrote for the link.
func rivalOf(root, provider string, link report.CloudLink) string {
	there := func(path string) bool {
		_, err := os.Lstat(filepath.Join(root, path))
		return err == nil
	}
	drop := "/run/systemd/network/70-" + link.Link + ".network"
	switch {
	case provider == "gcp" && there(wantedBy+"multi-user.target.wants/google-guest-agent.service"):
		return "google-guest-agent"
	case link.Keeper == keeperNetworkManager && there(wantedBy+"timers.target.wants/nm-cloud-setup.timer"):
		return "nm-cloud-setup"
	case there(drop), there(drop + ".d"):
		return "amazon-ec2-net-utils"
	case there("/run/netconfig/cloud/" + link.Link):
		return "cloud-netconfig"
	case provider == "aws" && !link.NIC.Primary && there("/etc/cni/net.d/10-aws.conflist"):
		return "AWS VPC CNI"
	}
	return ""
}
