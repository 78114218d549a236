package config

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fixture returns a file of testdata.
func fixture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(data)
}

// The older tools' files, each as its tool shipped or documented it at some time.
func TestLoadOlderFiles(t *testing.T) {
	const (
		broker = "/etc/network-broker/network-broker.toml"
		cloud  = "/etc/cloud-network/cloud-network.toml"
	)
	tests := []struct {
		name     string
		files    map[string]string // place to fixture
		change   func(*Config)
		warnings []string
	}{
		{
			name:  "network-broker",
			files: map[string]string{broker: "network-broker.toml"},
			change: func(c *Config) {
				c.System.LogLevel = slog.LevelDebug
				c.System.LogFormat = "json"
				c.Network.Links = matcher(t, "ens3", "ens4")
				c.Network.RoutingPolicyRules = matcher(t, "ens4")
				c.Network.UseDNS = true
				c.Network.UseDomain = true
				c.Network.EmitJSON = false
			},
		},
		{
			name:  "network-broker of 2021",
			files: map[string]string{broker: "network-broker-2021.toml"},
			change: func(c *Config) {
				c.System.Generators = []string{"systemd-networkd", "dhclient"}
				c.Network.RoutingPolicyRules = matcher(t, "ens3", "ens4")
			},
			warnings: []string{broker + ":9:1: Network.Generator: belongs in the section System"},
		},
		{
			name:  "network-broker with the manual's misprint",
			files: map[string]string{broker: "network-broker-misprint.toml"},
			change: func(c *Config) {
				c.System.LogLevel = slog.LevelWarn
				c.Network.Links = matcher(t, "ens3", "ens4")
				c.Network.UseDNS = true
			},
		},
		{
			name:  "cloud-network",
			files: map[string]string{cloud: "cloud-network.toml"},
			change: func(c *Config) {
				c.System.RefreshTimer = 2 * time.Minute
				c.System.LogLevel = slog.LevelWarn
				c.Network.Listen = netip.MustParseAddrPort("127.0.0.2:5210")
				c.Network.Supplementary = matcher(t, "ens3", "ens4")
			},
			warnings: []string{cloud + ":10:1: Network.PrimaryAddress: has no effect: who configures the link keeps its primary address"},
		},
		{
			name:  "cloud-network of 2021",
			files: map[string]string{cloud: "cloud-network-2021.toml"},
			change: func(c *Config) {
				c.System.LogLevel = levelTrace
				c.Network.Listen = netip.MustParseAddrPort("127.0.0.3:5211")
			},
		},
		{
			name:  "both, where cloud-network is read last",
			files: map[string]string{broker: "network-broker.toml", cloud: "cloud-network-2021.toml"},
			change: func(c *Config) {
				c.System.LogLevel = levelTrace
				c.System.LogFormat = "json"
				c.Network.Links = matcher(t, "ens3", "ens4")
				c.Network.RoutingPolicyRules = matcher(t, "ens4")
				c.Network.UseDNS = true
				c.Network.UseDomain = true
				c.Network.EmitJSON = false
				c.Network.Listen = netip.MustParseAddrPort("127.0.0.3:5211")
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := make(map[string]string)
			for place, name := range tt.files {
				files[place] = fixture(t, name)
			}
			root := tree(t, files)
			want := Default(root)
			tt.change(want)

			c, warnings, err := Load(Options{Root: root})
			require.NoError(t, err)
			assert.Equal(t, values(want), values(c))
			assert.Equal(t, tt.warnings, lines(root, warnings))
			assert.NoError(t, Strict(warnings), "an older tool's file holds nothing unknown")
			assert.Len(t, c.Files, len(files))

			for place, content := range files {
				after, err := os.ReadFile(filepath.Join(root, place))
				require.NoError(t, err)
				assert.Equal(t, content, string(after), "netbrk does not write the file")
			}

			// The same text is valid as netbrk's own file too.
			for _, content := range files {
				_, warnings, err := Load(Options{Root: tree(t, map[string]string{DefaultPath: content})})
				require.NoError(t, err)
				assert.NoError(t, Strict(warnings))
			}
		})
	}
}
