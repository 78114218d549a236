package subcmd

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

// askCloud has the metadata asked when a link has appeared that may be a NIC.
func (d *daemonRun) askCloud(ev hostnet.Event) {
	if d.cloud == nil || ev.Kind != hostnet.KindLinks || ev.Action != hostnet.ActionAdded {
		return
	}
	known, err := state.LookAtCloud(d.global.stateDir).Links()
	if err == nil && !mayBeNIC("/sys/class/net", known, ev.Link) {
		return
	}
	if err := d.cloud.Put(ev.Index); err != nil {
		d.log.Warn("a new network card may wait for the cloud's timer", "link", ev.Link, "err", err)
	}
}

// mayBeNIC reports whether a link may be a NIC of the metadata, by those that are.
// Where one of them has a device of its own, a link without is no NIC but the host's
// own doing: a veth for each container that starts, and 21 requests on EC2. What stands
// on another link may be one, as the VLAN that a bare metal machine's VNIC takes;
// in a container, where the NICs are veths, everything may.
func mayBeNIC(sysfs string, known map[int]report.CloudLink, link string) bool {
	device := func(link string) bool {
		_, err := os.Stat(filepath.Join(sysfs, link, "device"))
		return err == nil
	}
	if device(link) {
		return true
	}
	for _, l := range known {
		if hostnet.ValidLinkName(l.Link) && device(l.Link) {
			return standsOnAnother(sysfs, link)
		}
	}
	return true
}

// standsOnAnother goes by the links that sysfs has to those below, lower_LINK.
func standsOnAnother(sysfs, link string) bool {
	entries, _ := os.ReadDir(filepath.Join(sysfs, link)) // gone again: no
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "lower_") {
			return true
		}
	}
	return false
}
