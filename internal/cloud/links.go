package cloud

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Links returns the names of the links that a service with a link-local address may be
// behind, below root: those of a device first. Each that it is not behind may take
// Times.Dial, and a host of many containers has more of theirs than time.
func Links(root string) ([]string, error) {
	dir := filepath.Join(root, "sys/class/net")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing links: %w", err)
	}
	var devices, others []string
	for _, e := range entries {
		name := e.Name()
		switch _, err := os.Stat(filepath.Join(dir, name, "device")); {
		case name == "lo" || name == "bonding_masters": // a file of the bonding driver
		case err == nil:
			devices = append(devices, name)
		default:
			others = append(others, name)
		}
	}
	return slices.Concat(devices, others), nil
}
