package subcmd

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// generated are the contents of files, and targets of links, that the generator
// writes for a machine with these files.
func generated(t *testing.T, files map[string]string) (entries map[string]string, status int, stderr string) {
	t.Helper()
	t.Setenv("NETBRK_CONFIG", "")
	root, dir := t.TempDir(), t.TempDir()
	for name, content := range files {
		name = filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
	}
	normal := filepath.Join(dir, "generator")
	require.NoError(t, os.Mkdir(normal, 0o755))
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs}
	// Those that come first and last are not there at all.
	args := []string{"/usr/lib/systemd/system-generators/netbrk-generator", normal, normal + ".early", normal + ".late"}
	status = finish(a.generate(root, args), &errs)
	assert.Empty(t, out.String())
	entries = map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(normal, name)
		require.NoError(t, err)
		if e.Type()&fs.ModeSymlink != 0 {
			entries[rel], err = os.Readlink(name)
			return err
		}
		text, err := os.ReadFile(name)
		entries[rel] = string(text)
		return err
	}))
	return entries, status, errs.String()
}

func TestGenerate(t *testing.T) {
	const (
		conf    = "etc/netbrk/netbrk.toml"
		vendor  = "sys/class/dmi/id/sys_vendor"
		wants   = "netbrk.target.wants/"
		units   = "/usr/lib/systemd/system/"
		timer   = "netbrk-cloud-sync.timer"
		path    = "netbrk-cloud-sync.path"
		leases  = "netbrk-dhclient.path"
		comment = "# By netbrk-generator, from netbrk.toml(5).\n\n"
	)
	cloud := map[string]string{wants + timer: units + timer, wants + path: units + path}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  map[string]string
	}{
		{"no configuration, no cloud", nil, nil},
		{"a machine of nobody's cloud", map[string]string{vendor: "QEMU\n"}, nil},
		{"a cloud", map[string]string{vendor: "Amazon EC2\n"}, cloud},
		{"a cloud, and its owner does without", map[string]string{vendor: "Amazon EC2\n", conf: "[Cloud]\nProvider = \"none\"\n"}, nil},
		{"no cloud that shows, and its owner knows", map[string]string{conf: "[Cloud]\nProvider = \"openstack\"\n"}, cloud},
		{
			"a container on a cloud",
			map[string]string{vendor: "Amazon EC2\n", "run/systemd/container": "lxc\n"}, nil,
		},
		{"what is set is the default", map[string]string{conf: "[System]\nRefreshTimer = \"5min\"\n[Network]\nListen = \"127.0.0.1:5209\"\n", vendor: "Hetzner\n"}, cloud},
		{"a key that nobody knows", map[string]string{conf: "[System]\nRefresh = \"1min\"\n"}, nil},
		{
			"the API elsewhere", map[string]string{conf: "[Network]\nListen = \"[::1]:80\"\n"},
			map[string]string{"netbrk-api.socket.d/50-netbrk.conf": comment + "[Socket]\nListenStream=\nListenStream=[::1]:80\n"},
		},
		{
			"dhclient beside networkd", map[string]string{conf: "[System]\nGenerator = [\"systemd-networkd\", \"dhclient\"]\n"},
			map[string]string{wants + leases: units + leases},
		},
		{
			"leases elsewhere", map[string]string{conf: "[System]\nGenerator = \"dhclient\"\nLeaseFiles = [\"/srv/a b/*.leases\", \"/srv/*/lease\", \"/var/x.leases\"]\n"},
			map[string]string{
				wants + leases:                             units + leases,
				leases + ".d/50-netbrk.conf":               comment + "[Path]\nPathModified=\nDirectoryNotEmpty=/run/netbrk/leases-pending\nPathModified=/srv/a b\nPathModified=/srv\nPathModified=/var/x.leases\n",
				"netbrk-dhclient.service.d/50-netbrk.conf": comment + "[Service]\nBindReadOnlyPaths=\"-/srv/a b\"\nBindReadOnlyPaths=\"-/srv\"\nBindReadOnlyPaths=\"-/var/x.leases\"\n",
			},
		},
		{
			"files of the older tools",
			map[string]string{"etc/cloud-network/cloud-network.toml": "[System]\nRefreshTimer = \"100s\"\n", vendor: "DigitalOcean\n"},
			map[string]string{
				wants + timer: units + timer, wants + path: units + path,
				timer + ".d/50-netbrk.conf": comment + "[Timer]\nOnUnitInactiveSec=\nOnUnitInactiveSec=100s\nRandomizedDelaySec=10s\n",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			entries, status, stderr := generated(t, tt.files)
			assert.Zero(t, status)
			assert.Empty(t, stderr)
			if tt.want == nil {
				tt.want = map[string]string{}
			}
			assert.Equal(t, tt.want, entries)
		})
	}
}

// TestGenerateBroken: a configuration that cannot be used is as none, but said.
func TestGenerateBroken(t *testing.T) {
	entries, status, stderr := generated(t, map[string]string{
		"etc/netbrk/netbrk.toml":      "[System]\nGenerator = \"dhclient\"\nRefreshTimer = \"soon\"\n",
		"sys/class/dmi/id/sys_vendor": "Amazon EC2\n",
	})
	assert.Equal(t, exitUsage, status)
	assert.Empty(t, entries)
	assert.Regexp(t, `^netbrk: reading configuration: \S+/netbrk.toml:3:17: System.RefreshTimer: "soon" is not a duration[^\n]*\nnetbrk: hint: netbrk config check\n$`, stderr)
}

// TestGeneratePartly: what cannot be said is told, and all else is written.
func TestGeneratePartly(t *testing.T) {
	entries, status, stderr := generated(t, map[string]string{
		"etc/netbrk/netbrk.toml": "[Cloud]\nProvider = \"aws\"\n[Network]\nListen = \"[fe80::1%a\\tb]:80\"\n",
	})
	assert.Equal(t, exitFailed, status)
	assert.Len(t, entries, 2)
	assert.Equal(t, `netbrk: the address "[fe80::1%a\tb]:80" of Listen cannot be said in a unit file`+"\n", stderr)
}
