package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// written writes what is effective as a file.
func written(t *testing.T, c *Config) string {
	t.Helper()
	var b strings.Builder
	section := ""
	for _, e := range c.Effective() {
		if e.Section != section {
			section = e.Section
			b.WriteString("[" + section + "]\n")
		}
		b.WriteString(e.Key + " = " + e.TOML() + "\n")
	}
	path := filepath.Join(t.TempDir(), "netbrk.toml")
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	return path
}

// TestEffectiveReadsBack: what `config show` prints is a configuration, the same.
func TestEffectiveReadsBack(t *testing.T) {
	for name, text := range map[string]string{
		"defaults": "",
		"all set": `[System]
LogLevel = "trace"
LogFormat = "json"
Generator = ["dhclient", "kernel"]
RefreshTimer = "1h 30min"
HookTimeout = "1500ms"
HookDirs = ["/etc/with blank", "/run/\"quoted\"", "/srv/\u00e9", "/opt/\u0001\n\u007f\u2028"]
NetworkdDispatcher = "yes"
[Network]
Links = "eth* !eth3"
RoutingPolicyRules = "ens[5-9]"
Supplementary = ["ens4"]
UseDNS = true
Listen = "[::1]:8080"
[Cloud]
Provider = "aws"
`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "netbrk.toml")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			first, _, err := Load(Options{Path: path})
			require.NoError(t, err)
			second, warnings, err := Load(Options{Path: written(t, first)})
			require.NoError(t, err)
			assert.Empty(t, Strict(warnings))
			assert.Equal(t, first.System, second.System)
			assert.Equal(t, first.Network, second.Network)
			assert.Equal(t, first.Cloud, second.Cloud)
		})
	}
}

func TestEffectiveSources(t *testing.T) {
	path := filepath.Join(t.TempDir(), "netbrk.toml")
	require.NoError(t, os.WriteFile(path, []byte("[Network]\nEmitJSON = false\n"), 0o644))
	c, _, err := Load(Options{Path: path})
	require.NoError(t, err)
	var keys []string
	for _, e := range c.Effective() {
		keys = append(keys, e.Section+"."+e.Key)
		if e.Key == "EmitJSON" {
			assert.Equal(t, path+":2", e.Source)
			assert.Equal(t, "false", e.TOML())
		} else {
			assert.Equal(t, "default", e.Source, e.Key)
		}
	}
	assert.Equal(t, Keys(), keys)
}
