package config

import (
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hosttest"
)

// tree writes files, by their absolute names, below a new root.
func tree(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return root
}

// lines are the warnings as text, without the root that a test made up.
func lines(root string, warnings []Warning) []string {
	var list []string
	for _, w := range warnings {
		list = append(list, strings.ReplaceAll(w.String(), root, ""))
	}
	return list
}

// values are those of c without where they came from.
func values(c *Config) Config {
	return Config{System: c.System, Network: c.Network, Cloud: c.Cloud}
}

func matcher(t *testing.T, words ...string) LinkMatcher {
	t.Helper()
	m, err := ParseLinkMatcher(words...)
	require.NoError(t, err)
	return m
}

func TestLoadDefaults(t *testing.T) {
	c, warnings, err := Load(Options{Root: t.TempDir()})
	require.NoError(t, err)
	assert.Empty(t, warnings)
	assert.Empty(t, c.Files)
	assert.Equal(t, Config{
		System: System{
			LogLevel:     slog.LevelInfo,
			LogFormat:    "text",
			Generators:   []string{"systemd-networkd"},
			RefreshTimer: 300 * time.Second,
			HookTimeout:  90 * time.Second,
			HookWorkers:  4,
			HookDirs:     []string{"/etc/netbrk", "/run/netbrk.d", "/usr/lib/netbrk"},
			LeaseFiles: []string{
				"/var/lib/dhcp/*.lease", "/var/lib/dhcp/*.leases", "/var/lib/dhclient/*.lease", "/var/lib/dhclient/*.leases",
				"/var/lib/NetworkManager/dhclient*.lease", "/var/db/dhclient*.leases", "/var/state/dhcp/*.leases",
				"/var/lib/dhclient.leases", "/var/lib/dhclient6.leases",
			},
		},
		Network: Network{
			Links:          matcher(t, "!lo"),
			RouteTableBase: 9999,
			RulePriority:   30000,
			EmitJSON:       true,
			Listen:         netip.MustParseAddrPort("127.0.0.1:5209"),
		},
		Cloud: Cloud{Provider: "auto"},
	}, values(c))
	assert.True(t, c.Network.Links.Match("eth0"))
	assert.False(t, c.Network.Links.Match("lo"))
	assert.False(t, c.Network.RoutingPolicyRules.Match("eth0"))
	for _, key := range Keys() {
		assert.Equal(t, "default", c.Source(key))
	}
}

func TestHookDirsOfNetworkBroker(t *testing.T) {
	withDir := tree(t, map[string]string{"/etc/network-broker/routable.d/10-hook": ""})
	assert.Equal(t, []string{"/etc/netbrk", "/run/netbrk.d", "/usr/lib/netbrk", "/etc/network-broker"},
		Default(withDir).System.HookDirs)
	withFile := tree(t, map[string]string{"/etc/network-broker": "not a directory"})
	assert.NotContains(t, Default(withFile).System.HookDirs, "/etc/network-broker")
}

func TestLoadPrecedence(t *testing.T) {
	const (
		broker = "/etc/network-broker/network-broker.toml"
		cloud  = "/etc/cloud-network/cloud-network.toml"
		dropIn = DefaultPath + ".d/"
		level  = "[System]\nLogLevel = "
	)
	tests := []struct {
		name     string
		files    map[string]string
		level    slog.Level
		source   string // of System.LogLevel
		read     []string
		warnings []string
	}{
		{
			name:   "netbrk.toml hides the older files",
			files:  map[string]string{DefaultPath: level + "'error'", broker: level + "'debug'", cloud: level + "'debug'"},
			level:  slog.LevelError,
			source: DefaultPath + ":2",
			read:   []string{DefaultPath},
			warnings: []string{
				broker + ": is not read, since " + DefaultPath + " is there",
				cloud + ": is not read, since " + DefaultPath + " is there",
			},
		},
		{
			name:     "even if it sets something else",
			files:    map[string]string{DefaultPath: "[Network]\nUseDNS = true", broker: level + "'debug'"},
			level:    slog.LevelInfo,
			source:   "default",
			read:     []string{DefaultPath},
			warnings: []string{broker + ": is not read, since " + DefaultPath + " is there"},
		},
		{
			name:   "but not if it was just installed",
			files:  map[string]string{DefaultPath: reference(t), broker: level + "'debug'"},
			level:  slog.LevelDebug,
			source: broker + ":2",
			read:   []string{DefaultPath, broker},
		},
		{
			name:   "drop-ins over netbrk.toml, in the order of their names",
			files:  map[string]string{DefaultPath: level + "'error'", dropIn + "10-a.toml": "\n" + level + "'warn'", dropIn + "9-b.toml": level + "'debug'"},
			level:  slog.LevelDebug,
			source: dropIn + "9-b.toml:2",
			read:   []string{DefaultPath, dropIn + "10-a.toml", dropIn + "9-b.toml"},
		},
		{
			name:   "drop-ins over the older files",
			files:  map[string]string{broker: level + "'error'", dropIn + "a.toml": level + "'warn'"},
			level:  slog.LevelWarn,
			source: dropIn + "a.toml:2",
			read:   []string{broker, dropIn + "a.toml"},
		},
		{
			name:   "drop-ins alone",
			files:  map[string]string{dropIn + "a.toml": level + "'warn'"},
			level:  slog.LevelWarn,
			source: dropIn + "a.toml:2",
			read:   []string{dropIn + "a.toml"},
		},
		{
			name: "hidden files and those of other kinds are no drop-ins",
			files: map[string]string{
				dropIn + ".a.toml": level + "'warn'", dropIn + "a.toml~": level + "'warn'",
				dropIn + "a.conf": level + "'warn'", dropIn + "dir.toml/a.toml": level + "'warn'",
			},
			level:  slog.LevelInfo,
			source: "default",
		},
		{
			name:   "an empty value in a drop-in means the default",
			files:  map[string]string{DefaultPath: level + "'error'", dropIn + "a.toml": level + "''"},
			level:  slog.LevelInfo,
			source: dropIn + "a.toml:2",
			read:   []string{DefaultPath, dropIn + "a.toml"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t, tt.files)
			c, warnings, err := Load(Options{Root: root})
			require.NoError(t, err)
			assert.Equal(t, tt.level, c.System.LogLevel)
			assert.Equal(t, tt.source, strings.ReplaceAll(c.Source("System.LogLevel"), root, ""))
			assert.Equal(t, tt.warnings, lines(root, warnings))
			var read []string
			for _, path := range c.Files {
				read = append(read, strings.TrimPrefix(path, root))
			}
			assert.Equal(t, tt.read, read)
		})
	}
}

func TestLoadNamedFile(t *testing.T) {
	dir := tree(t, map[string]string{
		"/my.toml":                "[System]\nHookWorkers = 1\nLogLevel = 'debug'",
		"/my.toml.d/a.toml":       "[System]\nHookWorkers = 2",
		"/other.conf":             "[System]\nHookWorkers = 3",
		DefaultPath:               "[System]\nHookWorkers = 4",
		DefaultPath + ".d/a.toml": "[System]\nHookWorkers = 5",
	})
	c, warnings, err := Load(Options{Path: filepath.Join(dir, "my.toml"), Root: dir})
	require.NoError(t, err)
	assert.Empty(t, warnings)
	assert.Equal(t, 2, c.System.HookWorkers)
	assert.Equal(t, slog.LevelDebug, c.System.LogLevel)

	c, _, err = Load(Options{Path: filepath.Join(dir, "other.conf"), Root: dir})
	require.NoError(t, err)
	assert.Equal(t, 3, c.System.HookWorkers)

	missing := filepath.Join(dir, "missing.toml")
	c, _, err = Load(Options{Path: missing, Root: dir})
	assert.Nil(t, c)
	assert.EqualError(t, err, missing+": no such file or directory")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestLoadCannotRead(t *testing.T) {
	t.Run("directory", func(t *testing.T) {
		root := tree(t, map[string]string{DefaultPath + "/x": ""})
		_, _, err := Load(Options{Root: root})
		assert.EqualError(t, err, root+DefaultPath+": is a directory")
	})
	t.Run("too large", func(t *testing.T) {
		root := tree(t, map[string]string{DefaultPath: strings.Repeat("#", maxFileBytes+1)})
		_, _, err := Load(Options{Root: root})
		assert.EqualError(t, err, root+DefaultPath+": is larger than 65536 bytes")
	})
	t.Run("largest", func(t *testing.T) {
		root := tree(t, map[string]string{DefaultPath: strings.Repeat("#", maxFileBytes)})
		_, _, err := Load(Options{Root: root})
		assert.NoError(t, err)
	})
	for name, lost := range map[string]string{
		"file":              DefaultPath,
		"drop-in directory": DefaultPath + ".d",
		"directory":         filepath.Dir(DefaultPath),
	} {
		t.Run(name+" is a link that leads nowhere", func(t *testing.T) {
			root := tree(t, map[string]string{"README": ""})
			require.NoError(t, os.MkdirAll(filepath.Dir(root+lost), 0o755))
			require.NoError(t, os.Symlink("nowhere", root+lost))
			_, _, err := Load(Options{Root: root})
			assert.ErrorIs(t, err, fs.ErrNotExist)
		})
	}
	t.Run("drop-in that leads nowhere", func(t *testing.T) {
		root := tree(t, map[string]string{DefaultPath: "", DefaultPath + ".d/README": ""})
		link := filepath.Join(root, DefaultPath+".d", "a.toml")
		require.NoError(t, os.Symlink("nowhere", link))
		_, _, err := Load(Options{Root: root})
		assert.EqualError(t, err, link+": no such file or directory")
	})
	t.Run("drop-in masked by a link to /dev/null", func(t *testing.T) {
		root := tree(t, map[string]string{DefaultPath: "", DefaultPath + ".d/README": ""})
		require.NoError(t, os.Symlink("/dev/null", filepath.Join(root, DefaultPath+".d", "a.toml")))
		_, warnings, err := Load(Options{Root: root})
		assert.NoError(t, err)
		assert.Empty(t, warnings)
	})
	t.Run("drop-in directory is a file", func(t *testing.T) {
		root := tree(t, map[string]string{DefaultPath: "", DefaultPath + ".d": ""})
		_, _, err := Load(Options{Root: root})
		assert.EqualError(t, err, root+DefaultPath+".d: not a directory")
	})
	t.Run("no permission", func(t *testing.T) {
		root := tree(t, map[string]string{DefaultPath: "", "/etc/network-broker/network-broker.toml": "broken"})
		require.NoError(t, os.Chmod(filepath.Dir(root), 0o755)) // testing makes it for its own user
		require.NoError(t, os.Chmod(root+DefaultPath, 0))
		hosttest.AsNobody(t, func() {
			_, _, err := Load(Options{Root: root})
			assert.EqualError(t, err, root+DefaultPath+": permission denied")
		})
	})
}

// A broken file does not make another one count in its place.
func TestLoadBrokenFileIsNotReplaced(t *testing.T) {
	root := tree(t, map[string]string{
		DefaultPath: "[System\n",
		"/etc/network-broker/network-broker.toml": "also broken",
	})
	c, _, err := Load(Options{Root: root})
	assert.Nil(t, c)
	require.Error(t, err)
	assert.Len(t, err.(Errors), 1)
	assert.Contains(t, err.Error(), root+DefaultPath+":1:")
}

func TestLoadTellsOfEveryError(t *testing.T) {
	root := tree(t, map[string]string{
		DefaultPath:               "[System]\nHookWorkers = 0\nHookTimeout = 'soon'\nNope = 1\n",
		DefaultPath + ".d/a.toml": "[Cloud]\nProvider = 'awz'\n",
	})
	c, warnings, err := Load(Options{Root: root})
	assert.Nil(t, c)
	assert.Equal(t, []string{DefaultPath + ":4:1: System.Nope: unknown key"}, lines(root, warnings))
	assert.EqualError(t, err, root+DefaultPath+`:2:15: System.HookWorkers: 0 is not from 1 to 256 (and 2 more)`)
	var all []string
	for _, e := range err.(Errors).Unwrap() {
		all = append(all, strings.TrimPrefix(e.Error(), root))
	}
	assert.Equal(t, []string{
		DefaultPath + `:2:15: System.HookWorkers: 0 is not from 1 to 256`,
		DefaultPath + `:3:16: System.HookTimeout: "soon" is not a duration, such as 300s or 5min`,
		DefaultPath + `.d/a.toml:2:13: Cloud.Provider: "awz" is not one of auto, none, aws, azure, gcp, alibaba, oracle, digitalocean, hetzner, openstack; did you mean aws?`,
	}, all)
}

func TestSource(t *testing.T) {
	root := tree(t, map[string]string{
		DefaultPath: "# c\nsystem.loglevel = 'debug'\n[NETWORK]\nlinks = [\n'a',\n'b']\nPort = 1\nAddress = '::1'\nusedns = false\n",
	})
	c, _, err := Load(Options{Root: root})
	require.NoError(t, err)
	path := root + DefaultPath
	assert.Equal(t, path+":2", c.Source("System.LogLevel"))
	assert.Equal(t, path+":2", c.Source("SYSTEM.loglevel"))
	assert.Equal(t, path+":4", c.Source("Network.Links"))
	assert.Equal(t, path+":8", c.Source("Network.Listen"), "the last half of it")
	assert.Equal(t, path+":9", c.Source("Network.UseDNS"), "set to what the default is")
	assert.Equal(t, "default", c.Source("Cloud.Provider"))
	assert.Empty(t, c.Source("Network.Port"))
	assert.Empty(t, c.Source("LogLevel"))
	assert.Empty(t, c.Source(""))
}

// What is loaded must not hold on to the text it came from: the watcher keeps
// a configuration for as long as it lives.
func TestLoadKeepsNoFile(t *testing.T) {
	const copies = 64
	text := "[System]\nHookDirs = '/a /b'\nGenerator = 'dhclient'\nLogFormat = 'json'\n[Cloud]\nProvider = 'aws'\n" +
		"[Network]\nLinks = 'eth0 wlan*'\nSupplementary = ['!x']\nListen = '[fe80::1%eth0]:1'\n#"
	text += strings.Repeat("x", maxFileBytes-len(text))
	root := tree(t, map[string]string{DefaultPath: text})
	loaded := make([]*Config, copies)
	before := heapInUse()
	for i := range loaded {
		var err error
		loaded[i], _, err = Load(Options{Root: root})
		require.NoError(t, err)
	}
	grown := int64(heapInUse()) - int64(before)
	assert.Less(t, grown, int64(copies*maxFileBytes/4))
	runtime.KeepAlive(loaded)
}

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
