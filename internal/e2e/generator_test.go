//go:build e2e

package e2e

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	generatorConfig = "/etc/netbrk/netbrk.toml.d/50-generator.toml"
	cloudTimer      = "netbrk-cloud-sync.timer"
	cloudPath       = "netbrk-cloud-sync.path"
	dhclientPath    = "netbrk-dhclient.path"
	dhclientService = "netbrk-dhclient.service"
	apiSocket       = "netbrk-api.socket"
)

// testGenerator has systemd read one configuration after the other, as at a boot.
func testGenerator(t *testing.T, w *World) {
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "sh", "-c", "rm -rf "+generatorConfig+" /etc/systemd/system/"+cloudTimer+".d; "+
			"systemctl unmask "+cloudTimer+" "+cloudPath+"; systemctl daemon-reload; systemctl start netbrk.target")
		assert.NoError(t, err)
	})
	for _, test := range []struct {
		name string
		run  func(script)
	}{
		{"nothing called for", generatedNothing},
		{"cloud", generatedCloud},
		{"leases", generatedLeases},
		{"API", generatedListen},
		{"the owner's word", generatedOverridden},
		{"broken", generatedBroken},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(on(t, w)) })
	}
}

// configure has systemd see a configuration.
func (s script) configure(toml string) {
	s.Helper()
	require.NoError(s, s.Machine.WriteFile(generatorConfig, []byte(toml), 0o644))
	s.run("systemctl", "daemon-reload")
}

// started are the units that netbrk.target starts.
func (s script) started() []string {
	s.Helper()
	return strings.Fields(s.property("netbrk.target", "Wants"))
}

// generated are the files that the generator has written.
func (s script) generated() []string {
	s.Helper()
	return strings.Fields(s.run("sh", "-c", "cd /run/systemd/generator && find . -path './netbrk*' ! -type d | sort"))
}

// generatedNothing: the machine is a container, so no cloud is found out.
func generatedNothing(s script) {
	for _, toml := range []string{"", "[Cloud]\nProvider = \"none\"\n", "[System]\nRefreshTimer = \"1h\"\n"} {
		s.configure(toml)
		assert.Empty(s, s.generated(), toml)
		for _, unit := range []string{cloudTimer, cloudPath, dhclientPath} {
			assert.NotContains(s, s.started(), unit)
		}
	}
}

func generatedCloud(s script) {
	s.configure("[System]\nRefreshTimer = \"10min\"\n[Cloud]\nProvider = \"aws\"\n")
	assert.Subset(s, s.started(), []string{"netbrk-watch.service", cloudTimer, cloudPath})
	assert.Contains(s, s.run("systemctl", "list-dependencies", "--plain", "netbrk.target"), cloudTimer)
	timers := s.property(cloudTimer, "TimersMonotonic")
	assert.Contains(s, timers, "OnUnitInactiveUSec=10min ;")
	assert.NotContains(s, timers, "5min")
	assert.Equal(s, "30s", s.property(cloudTimer, "RandomizedDelayUSec"))

	s.configure("[System]\nRefreshTimer = \"1m1500ms\"\n[Cloud]\nProvider = \"aws\"\n")
	assert.Contains(s, s.property(cloudTimer, "TimersMonotonic"), "OnUnitInactiveUSec=1min 1.500000s ;")
	assert.Equal(s, "6.150000s", s.property(cloudTimer, "RandomizedDelayUSec"))

	s.configure("[Cloud]\nProvider = \"aws\"\n")
	assert.Equal(s, []string{"./netbrk.target.wants/" + cloudPath, "./netbrk.target.wants/" + cloudTimer}, s.generated())
	assert.Contains(s, s.property(cloudTimer, "TimersMonotonic"), "OnUnitInactiveUSec=5min ;")
}

func generatedLeases(s script) {
	s.configure("[System]\nGenerator = \"systemd-networkd dhclient\"\n")
	assert.Equal(s, []string{"./netbrk.target.wants/" + dhclientPath}, s.generated())
	assert.Contains(s, s.started(), dhclientPath)
	s.configure("[System]\nGenerator = \"dhclient\"\nLeaseFiles = [\"/srv/100% of:it/*.leases\"]\n")
	assert.ElementsMatch(s, []string{"/run/netbrk/leases-pending (DirectoryNotEmpty)", "/srv/100% of:it (PathModified)"},
		strings.Split(s.property(dhclientPath, "Paths"), "\n"))
	assert.Contains(s, s.property(dhclientService, "BindReadOnlyPaths"), "/srv/100% of:it:/srv/100% of:it")

	// dhclient makes a file and never closes it. The watcher, which knows nothing of
	// this configuration, tells of no lease.
	s.run("sh", "-c", `set -e
		id() { systemctl show --value --property=InvocationID netbrk-dhclient.service; }
		mkdir -p "$1" && : >"$1/a.leases"
		systemctl start netbrk-dhclient.path
		before=$(id)
		exec 3>>"$1/a.leases"
		echo "# written" >&3
		while [ "$(id)" = "$before" ] || [ "$(systemctl is-active netbrk-dhclient.service)" != inactive ]; do sleep 0.1; done
		systemctl stop netbrk-dhclient.path
		rm -r "$1"`, "sh", "/srv/100% of:it")
	assert.Equal(s, "success", s.property(dhclientService, "Result"))
}

func generatedListen(s script) {
	for _, address := range []string{"[::1]:5210", "127.0.0.1:5211"} {
		s.configure("[Network]\nListen = \"" + address + "\"\n")
		assert.Equal(s, address+" (Stream)", s.property(apiSocket, "Listen"))
	}
}

// generatedOverridden: what the host's owner says counts, whatever was generated.
func generatedOverridden(s script) {
	require.NoError(s, s.Machine.WriteFile("/etc/systemd/system/"+cloudTimer+".d/override.conf", []byte("[Timer]\nOnUnitInactiveSec=\nOnUnitInactiveSec=42s\n"), 0o644))
	s.configure("[System]\nRefreshTimer = \"10min\"\n[Cloud]\nProvider = \"aws\"\n")
	timers := s.property(cloudTimer, "TimersMonotonic")
	assert.Contains(s, timers, "OnUnitInactiveUSec=42s ;")
	assert.NotContains(s, timers, "10min")

	s.run("rm", "-r", "/etc/systemd/system/"+cloudTimer+".d")
	s.run("systemctl", "mask", cloudTimer, cloudPath)
	s.run("systemctl", "start", "netbrk.target")
	out, err := s.Machine.Run(s.ctx, "systemctl", "is-active", cloudTimer, cloudPath)
	assert.Error(s, err)
	assert.Equal(s, "inactive\ninactive\n", out)
	assert.Equal(s, "active", s.run("systemctl", "is-active", "netbrk-watch.service"))
	s.run("systemctl", "unmask", cloudTimer, cloudPath)
}

// generatedBroken takes away what a sound configuration had, and says why.
func generatedBroken(s script) {
	s.configure("[System]\nRefreshTimer = \"10min\"\n[Cloud]\nProvider = \"aws\"\n")
	require.NotEmpty(s, s.generated())
	journal, err := s.Machine.Journal(s.ctx, "")
	require.NoError(s, err)
	assert.NotContains(s, journal, "netbrk-generator", "it is silent as long as all is well")

	// The machine, a container, has no kernel's log. A pipe is as good: systemd 257
	// has generators see files as read-only.
	kernel, err := s.Machine.Start("sh", "-c", "mkfifo -m 600 /dev/kmsg; exec 3<>/dev/kmsg; echo ready; exec cat <&3")
	require.NoError(s, err)
	defer func() { assert.NoError(s, kernel.Stop()) }()
	defer s.run("rm", "/dev/kmsg")
	_, err = kernel.Line(s.ctx, regexp.MustCompile("^ready$"))
	require.NoError(s, err)
	s.configure("[System]\nRefreshTimer = \"soon\"\n[Cloud]\nProvider = \"aws\"\n")
	assert.Empty(s, s.generated())
	assert.Contains(s, s.property(cloudTimer, "TimersMonotonic"), "OnUnitInactiveUSec=5min ;")
	journal, err = s.Machine.Journal(s.ctx, "")
	require.NoError(s, err)
	assert.Contains(s, journal, "/system-generators/netbrk-generator failed with exit status 2")
	_, err = kernel.Line(s.ctx, regexp.MustCompile(`<3>netbrk-generator\[\d+\]: netbrk: reading configuration: `+generatorConfig+`:2:17: `))
	assert.NoError(s, err)

	s.run("rm", generatorConfig)
	s.run("systemctl", "daemon-reload")
	assert.Equal(s, "running", s.run("systemctl", "is-system-running"))
}
