package subcmd

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/netnstest"
	"github.com/netbrk/netbrk/state"
)

// TestLyingWatcher has a watcher that was taken over write into the spool what it
// likes. Scripts run for links that there are, and for states that there can be; whether
// the link has that state it may lie about. What else they are told of the link is the
// kernel's word, and whatever the watcher could not have made goes to failed/.
func TestLyingWatcher(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+t.TempDir()+"/none")
	ns := netnstest.New(t)
	va, vb := ns.VethPair(t, "va", "vb")
	ns.IP(t, "link set va down")
	dir := trustedDir(t)
	ran := filepath.Join(dir, "ran")
	require.NoError(t, os.Mkdir(ran, 0o755))
	for _, name := range []string{"routable.d", "links.d", "routes.d"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "hooks", name), 0o755))
		script := "#!/bin/sh\nenv >" + ran + "/$SEQNUM\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, "hooks", name, "10-env"), []byte(script), 0o755))
	}
	config := filepath.Join(dir, "netbrk.toml")
	require.NoError(t, os.WriteFile(config, []byte("[System]\nGenerator = \"kernel\"\nHookDirs = [\""+dir+"/hooks\"]\n[Network]\nLinks = \"va\"\n"), 0o644))

	const routable = `"kind":"state","property":"OperationalState","state":"routable"`
	root := filepath.Join(dir, "state")
	_, _, err := state.OpenSpool(root)
	require.NoError(t, err)
	for i, plant := range []struct {
		kind    string
		index   int
		content string
	}{
		{"state", va, `"id":"w-1","link":"evil0","previous":"carrier",` + routable}, // the link is off
		{"state", vb, `"id":"manual-7",` + routable},                                // of no concern, but by hand
		{"state", vb, `"id":"manual-7","ByHand":true,` + routable},
		{"state", 4242, `"id":"w-1","link":"va",` + routable}, // there is no such link
		{"state", va, `"id":"$(id)",` + routable},
		{"state", va, `"id":"w-1","kind":"state","property":"OperationalState","state":"../../evil"`},
		{"links", va, `"id":"w-1","kind":"links","action":"renamed","previous_link":"$(id)"`},
		{"routes", va, `"id":"w-1","kind":"routes","action":"added","route":"default via $(id)"`},
		{"leases", va, `"id":"w-1","kind":"leases","action":"added","generator":"dhclient","address":"192.0.2.7/24"`}, // of another spool
	} {
		raw := fmt.Sprintf(`{"seq":%d,"ifindex":%d,%s}`, i+1, plant.index, plant.content)
		require.True(t, json.Valid([]byte(raw)), raw)
		name := fmt.Sprintf("%020d-%s-%d.json", i+1, plant.kind, plant.index)
		require.NoError(t, os.WriteFile(filepath.Join(root, "events", name), []byte(raw), 0o644))
	}

	cmd := exec.Command(linkProgram(t, dir), "--config", config, "--state-dir", root, "run-hooks")
	ns.Do(t, func() {
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
	entries, err := os.ReadDir(ran)
	require.NoError(t, err)
	require.Len(t, entries, 2, "%v", entries)

	env := environmentIn(t, filepath.Join(ran, "1"))
	for name, want := range map[string]string{
		"LINK": "va", "STATE": "routable", "OperationalState": "routable", // what it said
		"CURRENT_STATE": "off", "CarrierState": "off", // what the kernel says
	} {
		assert.Equal(t, want, env[name], name)
	}
	var doc struct{ Name, OperationalState string }
	require.NoError(t, json.Unmarshal([]byte(env["JSON"]), &doc))
	assert.Equal(t, "va", doc.Name)
	assert.Equal(t, "off", doc.OperationalState)

	env = environmentIn(t, filepath.Join(ran, "7"))
	assert.Equal(t, "renamed", env["ACTION"])
	assert.Equal(t, "$(id)", env["PREVIOUS_LINK"], "a name that a link can have: scripts quote it")

	failures, err := state.Failures(root)
	require.NoError(t, err)
	assert.Len(t, failures, 4)
	empty, err := state.QueueEmpty(root)
	require.NoError(t, err)
	assert.True(t, empty)
}

// environmentIn reads what env(1) wrote, a variable on a line.
func environmentIn(t *testing.T, file string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	env := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		env[name] = value
	}
	return env
}
