package generator_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/generator"
)

const head = "# By netbrk-generator, from netbrk.toml(5).\n\n"

const (
	timerConf   = "netbrk-cloud-sync.timer.d/50-netbrk.conf"
	socketConf  = "netbrk-api.socket.d/50-netbrk.conf"
	pathConf    = "netbrk-dhclient.path.d/50-netbrk.conf"
	serviceConf = "netbrk-dhclient.service.d/50-netbrk.conf"
)

func link(unit string) generator.Entry {
	return generator.Entry{Path: "netbrk.target.wants/" + unit, Target: "/usr/lib/systemd/system/" + unit}
}

func text(path, lines string) generator.Entry {
	return generator.Entry{Path: path, Text: head + lines}
}

func TestEntries(t *testing.T) {
	cloud := []generator.Entry{link("netbrk-cloud-sync.timer"), link("netbrk-cloud-sync.path")}
	timer := func(lines string) []generator.Entry {
		return append([]generator.Entry{text(timerConf, "[Timer]\nOnUnitInactiveSec=\n"+lines)}, cloud...)
	}
	socket := func(address string) []generator.Entry {
		return []generator.Entry{text(socketConf, "[Socket]\nListenStream=\nListenStream="+address+"\n")}
	}
	listen := func(address string) generator.Settings {
		return generator.Settings{Listen: netip.MustParseAddrPort(address)}
	}
	refresh := func(d time.Duration) generator.Settings { return generator.Settings{Cloud: true, Refresh: d} }
	leases := func(dirs ...string) generator.Settings { return generator.Settings{DHClient: true, LeasePlaces: dirs} }
	const paths = "[Path]\nPathModified=\nDirectoryNotEmpty=/run/netbrk/leases-pending\n"
	for _, tt := range []struct {
		name     string
		settings generator.Settings
		want     []generator.Entry
		problem  string
	}{
		{name: "all by default"},
		{name: "cloud", settings: refresh(0), want: cloud},
		{name: "no cloud, so nothing of its timer", settings: generator.Settings{Refresh: time.Hour}},
		{name: "seldom", settings: refresh(time.Hour), want: timer("OnUnitInactiveSec=3600s\n")},
		{name: "often", settings: refresh(time.Minute), want: timer("OnUnitInactiveSec=60s\nRandomizedDelaySec=6s\n")},
		{name: "very often", settings: refresh(time.Second), want: timer("OnUnitInactiveSec=1s\nRandomizedDelaySec=100000us\n")},
		{name: "parts of a second", settings: refresh(90*time.Minute + 1500*time.Microsecond), want: timer("OnUnitInactiveSec=5400001500us\n")},
		{name: "IPv4", settings: listen("0.0.0.0:80"), want: socket("0.0.0.0:80")},
		{name: "IPv6", settings: listen("[::1]:5209"), want: socket("[::1]:5209")},
		{name: "scope", settings: listen("[fe80::1%eth0]:5209"), want: socket("[fe80::1]:5209%%eth0")},
		{name: "scope of two lines", settings: listen("[fe80::1%a\nAccept=yes]:5209"), problem: `the address "[fe80::1%a\nAccept=yes]:5209" of Listen cannot be said in a unit file`},
		{name: "dhclient", settings: leases(), want: []generator.Entry{link("netbrk-dhclient.path")}},
		{
			name: "lease directories", settings: leases("/var/lib/dhcp", `/srv/a b:c"\d%i`),
			want: []generator.Entry{
				text(pathConf, paths+"PathModified=/var/lib/dhcp\nPathModified=/srv/a b:c\"\\d%%i\n"),
				text(serviceConf, "[Service]\nBindReadOnlyPaths=\"-/var/lib/dhcp\"\nBindReadOnlyPaths=\"-/srv/a b:c\\\"\\\\d%%i\"\n"),
				link("netbrk-dhclient.path"),
			},
		},
		{
			name: "directories that cannot be said", settings: leases("/a\nb", "/a ", `/a\`, "a", "/a\xff", "/", "/good"),
			want: []generator.Entry{
				text(pathConf, paths+"PathModified=/good\n"),
				text(serviceConf, "[Service]\nBindReadOnlyPaths=\"-/good\"\n"),
				link("netbrk-dhclient.path"),
			},
			problem: `the path "/a\nb" of LeaseFiles cannot be said in a unit file` + "\n" + `the path "/a " of LeaseFiles cannot be said in a unit file` + "\n" +
				`the path "/a\\" of LeaseFiles cannot be said in a unit file` + "\n" + `the path "a" of LeaseFiles cannot be said in a unit file` + "\n" +
				`the path "/a\xff" of LeaseFiles cannot be said in a unit file` + "\n" +
				"the directory / of LeaseFiles cannot be shown to a service that has a root of its own",
		},
		{
			name: "leases where no dhclient is asked", settings: generator.Settings{LeasePlaces: []string{"/srv"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := generator.Entries(tt.settings, "/usr/lib/systemd/system")
			assert.Equal(t, tt.want, got)
			if tt.problem == "" {
				require.NoError(t, err)
			} else {
				assert.EqualError(t, err, tt.problem)
			}
		})
	}
}

// TestEntriesFitUnits: what a drop-in goes by is what the units say.
func TestEntriesFitUnits(t *testing.T) {
	setting := func(unit, key string) string {
		t.Helper()
		raw, err := os.ReadFile("../../units/" + unit)
		require.NoError(t, err)
		_, value, found := strings.Cut(string(raw), "\n"+key+"=")
		require.True(t, found, "%s has no %s=", unit, key)
		value, _, _ = strings.Cut(value, "\n")
		return value
	}
	entries := func(s generator.Settings) string {
		t.Helper()
		found, err := generator.Entries(s, "/usr/lib/systemd/system")
		require.NoError(t, err)
		return found[0].Text
	}
	delay, err := time.ParseDuration(setting("netbrk-cloud-sync.timer", "RandomizedDelaySec"))
	require.NoError(t, err)
	assert.NotContains(t, entries(generator.Settings{Cloud: true, Refresh: 10 * delay}), "RandomizedDelaySec", "the unit's own is a tenth")
	assert.Contains(t, entries(generator.Settings{Cloud: true, Refresh: 10*delay - time.Second}), "RandomizedDelaySec")
	spool := "\nDirectoryNotEmpty=" + setting("netbrk-dhclient.path", "DirectoryNotEmpty") + "\n"
	assert.Contains(t, entries(generator.Settings{DHClient: true, LeasePlaces: []string{"/srv"}}), spool)
}
