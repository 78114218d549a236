//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// migration returns the commands that README has for those who come from a tool.
func migration(t *testing.T, tool string) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\nFrom "+tool+".")
	require.True(t, found, tool)
	_, block, _ := strings.Cut(section, "\n```\n")
	block, _, found = strings.Cut(block, "\n```\n")
	require.True(t, found, tool)
	var commands []string
	for line := range strings.SplitSeq(block, "\n") {
		command, ok := strings.CutPrefix(line, "$ ")
		require.True(t, ok, line)
		commands = append(commands, strings.ReplaceAll(command, "sudo ", "")) // root types them
	}
	return commands
}

// testMigration types what README says into a host that has the older tools: the
// daemons of two of them are stand-ins, what they read is as they shipped it.
func testMigration(t *testing.T, w *World) {
	s := on(t, w)
	for path, text := range map[string]string{
		"/etc/systemd/system/network-broker.service":   "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
		"/etc/systemd/system/cloud-network.service":    "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
		"/etc/network-broker/network-broker.toml":      "[System]\nLogLevel=\"debug\"\nGenerator=\"systemd-networkd\"\n[Network]\nRoutingPolicyRules=\"mig9\"\n",
		"/etc/cloud-network/cloud-network.toml":        "[System]\nRefreshTimer=\"600s\"\n[Network]\nSupplementary=\"mig9\"\n",
		"/etc/network-broker/routable.d/10-broker":     "#!/bin/sh\necho broker $LINK $STATE >>/run/migration\n",
		"/etc/networkd-dispatcher/routable.d/10-older": "#!/bin/sh\necho dispatcher $IFACE $OperationalState >>/run/migration\n",
	} {
		require.NoError(t, w.Machine.WriteFile(path, []byte(text), 0o755))
	}
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "enable", "--now", "network-broker.service", "cloud-network.service", "networkd-dispatcher.service")
	var shown string
	for _, tool := range []string{"network-event-broker", "cloud-network-setup", "networkd-dispatcher"} {
		for _, command := range migration(t, tool) {
			if out := s.run("sh", "-c", command); strings.HasSuffix(command, "config show") {
				shown = out
			}
		}
	}
	assert.Contains(t, shown, "/etc/network-broker/network-broker.toml:")
	assert.Contains(t, shown, "/etc/cloud-network/cloud-network.toml:")
	for _, unit := range []string{"network-broker", "cloud-network", "networkd-dispatcher"} {
		assert.Equal(t, "inactive", s.run("sh", "-c", "systemctl is-active "+unit+" || true"))
	}
	// A run of scripts goes by the configuration that it began with.
	s.idle()
	dry := s.run("netbrk", "run-hooks", "--link", "lo", "--state", "routable", "--dry-run")
	for _, path := range []string{"/etc/network-broker/routable.d/10-broker", "/etc/networkd-dispatcher/routable.d/10-older"} {
		require.Regexp(t, `(?m)^  run +`+path+`$`, dry)
	}
	s.run("ip", "link", "add", "mig9", "type", "veth", "peer", "name", "mig8")
	s.run("ip", "link", "set", "mig8", "up")
	s.run("ip", "link", "set", "mig9", "up")
	s.run("ip", "address", "add", "198.51.100.9/24", "dev", "mig9")
	s.run("sh", "-c", `until grep -q "^broker mig9 routable" /run/migration && grep -q "^dispatcher mig9 routable" /run/migration; do sleep 0.1; done`)
	s.run("ip", "link", "delete", "mig9")
	s.idle()
	for _, path := range []string{"/etc/network-broker", "/etc/cloud-network", "/etc/networkd-dispatcher/routable.d/10-older", "/etc/netbrk/netbrk.toml.d"} {
		s.run("rm", "-r", path)
	}
	s.run("systemctl", "reload", "netbrk-watch.service")
}
