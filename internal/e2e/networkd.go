package e2e

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// WriteNetwork writes a .network file of systemd.network(5), and has networkd
// read it if the machine is booted.
func (m *Machine) WriteNetwork(ctx context.Context, name, content string) error {
	if err := m.WriteFile(path.Join("/etc/systemd/network", name), []byte(content), 0o644); err != nil {
		return err
	}
	if m.leader == 0 {
		return nil
	}
	_, err := m.Run(ctx, "networkctl", "reload")
	return err
}

// LinkIndex returns the ifindex of a link of the booted machine.
func (m *Machine) LinkIndex(link string) (int, error) {
	text, err := m.ReadFile(path.Join("/sys/class/net", link, "ifindex"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// WaitLink waits until networkd's state file of a link says what want says, such
// as OPER_STATE=routable.
func (m *Machine) WaitLink(ctx context.Context, link string, want ...string) error {
	index, err := m.LinkIndex(link)
	if err != nil {
		return fmt.Errorf("waiting for %q to be %v: %w", link, want, err)
	}
	err = m.WaitFile(ctx, fmt.Sprintf("/run/systemd/netif/links/%d", index), func(content []byte) bool {
		fields := keyValues(string(content))
		return !slices.ContainsFunc(want, func(w string) bool {
			key, value, _ := strings.Cut(w, "=")
			return fields[key] != value
		})
	})
	if err != nil {
		return fmt.Errorf("waiting for %q to be %v: %w", link, want, err)
	}
	return nil
}

// FakeUdev makes it look as if udev ran inside and had seen link: a /sys that can
// be written to and an entry in udev's database, with properties such as
// ID_NET_DRIVER=veth. From its next start on, networkd then takes the way it
// takes on a real machine and removes what it does not know from its links and
// the rules (systemd 252, src/network/networkd-link.c and networkd-util.c). It
// will not touch a link that FakeUdev was not called for.
func (m *Machine) FakeUdev(ctx context.Context, link string, properties ...string) error {
	if _, err := m.Run(ctx, "mount", "-o", "remount,rw", "/sys"); err != nil {
		return fmt.Errorf("making /sys writable: %w", err)
	}
	entries := map[string][]string{"lo": nil, link: properties}
	for name, properties := range entries {
		index, err := m.LinkIndex(name)
		if err != nil {
			return fmt.Errorf("entering %q into udev's database: %w", name, err)
		}
		// I: when udev was done with it, in microseconds since the boot.
		entry := "I:1\n"
		for _, property := range properties {
			entry += "E:" + property + "\n"
		}
		err = m.WriteFile(fmt.Sprintf("/run/udev/data/n%d", index), []byte(entry), 0o644)
		if err != nil {
			return fmt.Errorf("entering %q into udev's database: %w", name, err)
		}
	}
	return nil
}

// RemoveUdev undoes FakeUdev for all links.
func (m *Machine) RemoveUdev(ctx context.Context) error {
	if _, err := m.Run(ctx, "rm", "-rf", "/run/udev"); err != nil {
		return err
	}
	_, err := m.Run(ctx, "mount", "-o", "remount,ro", "/sys")
	return err
}
