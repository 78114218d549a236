package subcmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// statusHost is newHost without a bus, and with files that any user may read.
func statusHost(t *testing.T) *host {
	t.Helper()
	h := newHost(t)
	for dir := h.dir; dir != os.TempDir(); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+filepath.Join(h.dir, "no-bus"))
	return h
}

func (h *host) document(t *testing.T, args ...string) report.Status {
	t.Helper()
	stdout, stderr, status := h.run(t, append([]string{"status", "--json"}, args...)...)
	assert.Empty(t, stderr)
	var doc report.Status
	require.NoError(t, json.Unmarshal([]byte(stdout), &doc), stdout)
	want := exitDone
	if doc.Health.State == report.HealthDegraded {
		want = exitPartial
	}
	assert.Equal(t, want, status)
	return doc
}

func reasons(doc report.Status) []string {
	texts := []string{}
	for _, r := range doc.Health.Reasons {
		texts = append(texts, r.Part+": "+r.What)
	}
	return texts
}

// watcher starts netbrk watch on the host's own state.
func (h *host) watcher(t *testing.T) *exec.Cmd {
	t.Helper()
	toml, err := os.ReadFile(filepath.Join(h.dir, "netbrk.toml"))
	require.NoError(t, err)
	w := startWatchWith(t, h.ns, string(toml), "--dispatch=units", "--state-dir", filepath.Join(h.dir, "state"))
	w.until(t, "the end of its first pass", func(ev hostnet.Event) bool { return ev.Kind == hostnet.KindRules })
	return w.cmd
}

func TestStatusFollowsAHost(t *testing.T) {
	h := statusHost(t)
	const noWatcher = "watcher: netbrk watch is not running: no change of the network is seen"
	doc := h.document(t)
	assert.Equal(t, []string{noWatcher, "rules: 4 rules are missing, 2 routes are missing or wrong"}, reasons(doc))
	assert.Equal(t, "netbrk watch --dispatch=exec", doc.Health.Reasons[0].Hint)
	require.NotNil(t, doc.Watcher.Running)
	assert.False(t, *doc.Watcher.Running)
	assert.NoDirExists(t, filepath.Join(h.dir, "state"), "a look makes nothing")
	names := map[string]report.LinkStatus{}
	for _, l := range doc.Links {
		names[l.Link] = l
	}
	va1 := names["va1"]
	assert.Equal(t, "routable", va1.States[hostnet.OperationalState])
	assert.Equal(t, []string{"192.0.2.1"}, addrWords(va1.Gateways))
	assert.Equal(t, "192.0.2.20/24", va1.Addresses[0].Address.String())
	assert.True(t, va1.Watched)
	assert.False(t, names["lo"].Watched)
	assert.Zero(t, va1.Table, "it has none yet")

	_, stderr, status := h.run(t, "apply-rules")
	require.Zero(t, status, stderr)
	cmd := h.watcher(t)
	doc = h.document(t)
	assert.Equal(t, []string{}, reasons(doc))
	assert.True(t, *doc.Watcher.Running)
	assert.Equal(t, cmd.Process.Pid, doc.Watcher.PID)
	assert.Equal(t, 6, doc.Rules.Want)
	assert.Equal(t, 6, *doc.Rules.Have)
	require.Len(t, doc.Rules.Links, 1)
	assert.Equal(t, "main table", doc.Rules.Links[0].Gateway4.Source)
	stdout, _, status := h.run(t, "status")
	assert.Zero(t, status)
	assert.Regexp(t, `(?m)^● netbrk \S+ on \S+: ok$`, stdout)
	assert.Regexp(t, `(?m)^● va1 +routable +192\.0\.2\.20/24  table `+h.table(), stdout)

	// Somebody takes a rule away, and nobody has taken what is to be done for a
	// minute.
	h.ns.IP(t, "rule delete from 192.0.2.20 priority 30002")
	events := filepath.Join(h.dir, "state", "events")
	old := time.Now().Add(-time.Minute)
	file := filepath.Join(events, "00000000000000000099-addresses-3.json")
	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o644))
	require.NoError(t, os.Chtimes(file, old, old))
	pending := filepath.Join(h.dir, "state", "rules-pending")
	entries, err := os.ReadDir(pending)
	require.NoError(t, err)
	for _, e := range entries {
		require.NoError(t, os.Chtimes(filepath.Join(pending, e.Name()), old, old))
	}
	doc = h.document(t)
	texts := reasons(doc)
	assert.Contains(t, texts, "rules: 1 rule is missing")
	require.Len(t, texts, 3)
	assert.Regexp(t, `^hooks: \d+ entr(y waits|ies wait) in events, the first for 1 min.*, and nothing takes them$`, texts[0])
	assert.Regexp(t, `^rules: .* in rules-pending, the first for 1 min.*, and nothing takes them$`, texts[1])
	require.Len(t, doc.Rules.Drift, 1)
	assert.Contains(t, doc.Rules.Drift[0], "ip -4 rule add from 192.0.2.20 lookup "+h.table()+" priority 30002")
	dry, _, _ := h.run(t, "apply-rules", "--dry-run")
	assert.Equal(t, dry, doc.Rules.Drift[0]+"\n", "there is no second truth")

	// A part is judged alone.
	assert.Equal(t, []string{}, reasons(h.document(t, "links")))
	_, _, status = h.run(t, "status", "hooks")
	assert.Equal(t, exitDone, status)
	stdout, _, status = h.run(t, "status", "rules")
	assert.Equal(t, exitPartial, status)
	assert.Contains(t, stdout, "└─ apply-rules would do")
	stdout, _, status = h.run(t, "status", "--prometheus")
	assert.Equal(t, exitDone, status, "metrics have their own word for it")
	assert.Contains(t, stdout, "\nnetbrk_rules_missing 1\n")
	assert.Contains(t, stdout, "\nnetbrk_up 1\n")
}

func TestStatusTellsOfHooks(t *testing.T) {
	h := statusHost(t)
	hooks := trustedDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(hooks, "routable.d"), 0o755))
	text := "[System]\nGenerator = \"kernel\"\nHookDirs = [\"" + hooks + "\"]\n"
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "netbrk.toml"), []byte(text), 0o644))
	script := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(hooks, "routable.d", name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o700))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	boom := script("50-boom", "#!/bin/sh\necho first\necho out of luck >&2\nexit 7\n", 0o755)
	open := script("60-open", "#!/bin/sh\n", 0o757)
	_, _, status := h.run(t, "run-hooks", "--link", "va0", "--state", "routable")
	require.Equal(t, exitPartial, status)

	doc := h.document(t, "hooks")
	require.Len(t, doc.Hooks.Failing, 1)
	run := doc.Hooks.Failing[0]
	assert.Equal(t, boom, run.Hook)
	assert.Equal(t, "va0", run.Link)
	assert.Equal(t, "exit status 7", run.Outcome)
	assert.Equal(t, "out of luck", run.LastLine)
	require.Len(t, doc.Hooks.Refused, 1)
	assert.Equal(t, open, doc.Hooks.Refused[0].Hook)
	require.Len(t, doc.Health.Reasons, 2)
	assert.Equal(t, "netbrk run-hooks --link va0 --state routable", doc.Health.Reasons[0].Hint)
	assert.Equal(t, "chmod go-w "+open, doc.Health.Reasons[1].Hint)
	assert.Nil(t, doc.Links, "nobody asked")

	// Both hints help.
	require.NoError(t, os.Chmod(open, 0o755))
	script("50-boom", "#!/bin/sh\n", 0o755)
	_, stderr, status := h.run(t, strings.Fields(doc.Health.Reasons[0].Hint)[1:]...)
	require.Zero(t, status, stderr)
	assert.Equal(t, []string{}, reasons(h.document(t, "hooks")))
}

// TestStatusOfABrokenConfiguration shows what is, and says that what should be is not
// known.
func TestStatusOfABrokenConfiguration(t *testing.T) {
	h := statusHost(t)
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "netbrk.toml"), []byte("[System]\nHookTimeout = \"soon\"\nHookWorkers = \"many\"\n"), 0o644))
	doc := h.document(t)
	texts := reasons(doc)
	require.Len(t, texts, 3)
	assert.Regexp(t, `^config: .*netbrk.toml:2:.*HookTimeout`, texts[0])
	assert.Regexp(t, `^config: .*netbrk.toml:3:.*HookWorkers`, texts[1])
	assert.Contains(t, doc.Notes, "what rules there should be is not known without the configuration")
	assert.Nil(t, doc.Rules.Have)
	assert.NotEmpty(t, doc.Links)
}

// TestStatusIsForAnybody has a user without any right ask.
func TestStatusIsForAnybody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to become another user takes root")
	}
	h := statusHost(t)
	_, _, status := h.run(t, "apply-rules")
	require.Zero(t, status)
	h.watcher(t)
	out, errs := asNobody(t, h, "status", "--json")
	assert.Empty(t, errs)
	var doc report.Status
	require.NoError(t, json.Unmarshal([]byte(out), &doc), out)
	assert.Equal(t, []string{}, reasons(doc), doc.Notes)
	assert.True(t, *doc.Watcher.Running, "seen without the right to lock")
	assert.Equal(t, 6, *doc.Rules.Have, "seen without CAP_NET_ADMIN")
}

// TestChangesAreForRoot: who may not change anything is told so, once the state is
// there as on any host.
func TestChangesAreForRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to become another user takes root")
	}
	h := statusHost(t)
	for _, verb := range []string{"apply-rules", "run-hooks"} {
		_, stderr, status := h.run(t, verb)
		require.Zero(t, status, stderr)
	}
	for _, args := range [][]string{{"apply-rules"}, {"apply-rules", "--flush"}, {"run-hooks"}, {"cloud-sync", "--flush"}} {
		_, errs := asNobody(t, h, args...)
		assert.Contains(t, errs, "netbrk: hint: run it as root", args)
	}
}

// asNobody runs netbrk as a user without any right.
func asNobody(t *testing.T, h *host, args ...string) (stdout, stderr string) {
	t.Helper()
	// The test's own binary lies where only root may look.
	self, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	binary := filepath.Join(h.dir, "for-all", "netbrk")
	require.NoError(t, os.MkdirAll(filepath.Dir(binary), 0o755))
	require.NoError(t, os.WriteFile(binary, self, 0o755))
	cmd := h.command(args...)
	cmd.Path, cmd.Dir = binary, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	h.ns.Do(t, func() { _ = cmd.Run() })
	return out.String(), errs.String()
}

func TestStatusWatches(t *testing.T) {
	h := statusHost(t)
	cmd := h.command("status", "links", "--watch", "--json")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	h.ns.Do(t, func() { require.NoError(t, cmd.Start()) })
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	next := func(what string, is func(report.Status) bool) {
		t.Helper()
		for lines.Scan() {
			var doc report.Status
			require.NoError(t, json.Unmarshal(lines.Bytes(), &doc), lines.Text())
			if is(doc) {
				return
			}
		}
		require.Fail(t, "it ended", "before it told of %s", what)
	}
	has := func(address string) func(report.Status) bool {
		return func(doc report.Status) bool {
			return slices.ContainsFunc(doc.Links, func(l report.LinkStatus) bool {
				return slices.ContainsFunc(l.Addresses, func(a report.AddressStatus) bool { return a.Address.String() == address })
			})
		}
	}
	next("the host", has("192.0.2.10/24"))
	h.ns.IP(t, "address add 198.51.100.7/24 dev va0")
	next("an address", has("198.51.100.7/24"))
	// What the state tells counts too: va1 gets a table.
	_, stderr, status := h.run(t, "apply-rules")
	require.Zero(t, status, stderr)
	next("a table", func(doc report.Status) bool {
		return slices.ContainsFunc(doc.Links, func(l report.LinkStatus) bool { return l.Table != 0 })
	})
	require.NoError(t, cmd.Process.Signal(unix.SIGTERM))
	for lines.Scan() {
	}
	require.NoError(t, cmd.Wait(), "told to end, it ends well")
}

// TestStatusWithoutTheNetwork is for whoever is in a network namespace of its own:
// it takes the watcher's word, and does not look at the links that it sees.
func TestStatusWithoutTheNetwork(t *testing.T) {
	h := statusHost(t)
	_, _, status := h.run(t, "apply-rules")
	require.Zero(t, status)
	h.watcher(t)
	a := &app{stdout: io.Discard, stderr: io.Discard}
	g := global{config: filepath.Join(h.dir, "netbrk.toml"), stateDir: filepath.Join(h.dir, "state")}
	doc, err := a.lookAtStatus(t.Context(), g, false)
	require.NoError(t, err)
	var names []string
	for _, l := range doc.Links {
		names = append(names, l.Link)
		if l.Link == "va1" {
			assert.Equal(t, "routable", l.States[hostnet.OperationalState])
		}
	}
	assert.Contains(t, names, "va1")
	assert.NotContains(t, names, "eth0", "it is not of the host that the test runs on")
	assert.Nil(t, doc.Rules.Have)
	assert.Contains(t, doc.Notes, "rules are as apply-rules left them: nobody looked at the kernel")
	require.Len(t, doc.Rules.Links, 1)
	assert.Equal(t, "va1", doc.Rules.Links[0].Link)
}

// TestStatusOfEveryCloud has the displays that cnctl had, and what the sync left.
func TestStatusOfEveryCloud(t *testing.T) {
	for cloud, scene := range cloudScenes() {
		t.Run(cloud, func(t *testing.T) {
			t.Parallel()
			i := newInstance(t, cloud, scene.told)
			i.done(t)
			var shown strings.Builder
			for _, part := range []string{"system", "network"} {
				stdout, stderr, status := i.run(t, "status", part)
				assert.Zero(t, status)
				assert.Empty(t, stderr)
				shown.WriteString(stdout + "---\n")
			}
			file := filepath.Join("testdata", "status", cloud+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				require.NoError(t, os.WriteFile(file, []byte(shown.String()), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), shown.String())

			doc := i.document(t, "cloud")
			assert.Equal(t, []string{}, reasons(doc))
			assert.Equal(t, cloud, doc.Cloud.Provider)
			assert.Len(t, doc.Cloud.NICs, 2)
			// A sync that finds all as it was is told all the same.
			sync := filepath.Join(i.dir, "state", "cloud", "sync.json")
			old := time.Now().Add(-time.Hour)
			require.NoError(t, os.Chtimes(sync, old, old))
			i.done(t)
			assert.WithinDuration(t, time.Now(), i.document(t, "cloud").Cloud.LastSync, 10*time.Minute)
		})
	}
}
