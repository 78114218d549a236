package faulttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startsMost bounds how often the watcher, once it is started again each time
// that it ends, and its readers may complain while nothing can be written.
const startsMost = 5

// mounted gives the host's state a small file system of its own, which netbrk
// alone sees: in a mount namespace that lasts as long as the test.
func (h *host) mounted(t *testing.T) (inside func(command string)) {
	t.Helper()
	require.NoError(t, os.Mkdir(h.State, 0o755))
	holder := exec.Command("unshare", "--mount", "--propagation=private", "sh", "-c",
		"mount -t tmpfs -o size=2m,mode=755 none \"$0\" && echo mounted && exec sleep 1000", h.State)
	out, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	t.Cleanup(func() { _ = holder.Process.Kill(); _ = holder.Wait() })
	said := make([]byte, len("mounted\n"))
	_, err = out.Read(said)
	require.NoError(t, err)
	pid := strconv.Itoa(holder.Process.Pid)
	h.enter = []string{"nsenter", "--mount=/proc/" + pid + "/ns/mnt"}
	h.root = "/proc/" + pid + "/root"
	return func(command string) {
		t.Helper()
		args := append(append([]string{}, h.enter[1:]...), "sh", "-ec", command, h.State)
		out, err := exec.Command(h.enter[0], args...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
}

// closing is a way in which nothing can be written any more.
type closing struct {
	name        string
	close, open func(t *testing.T, h *host, inside func(string))
	says        string
	// locked is true where a lock that is there cannot be opened for writing.
	locked bool
}

func closings() []closing {
	return []closing{
		{"full", func(t *testing.T, h *host, _ func(string)) {
			t.Helper()
			require.Error(t, os.WriteFile(filepath.Join(h.root+h.State, "ballast"), make([]byte, 4<<20), 0o600))
		}, func(t *testing.T, h *host, _ func(string)) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(h.root+h.State, "ballast")))
		}, "no space left on device", false},
		// The file system itself cannot be closed while a lock is open in it; a second
		// mount on top of it can.
		{"read-only", func(_ *testing.T, _ *host, inside func(string)) {
			// Closed before it is put there, or somebody may open a file first.
			inside(`closed=${0%/*}/closed; mkdir -p $closed; mount --bind "$0" $closed; mount -o remount,bind,ro $closed; mount --move $closed "$0"`)
		}, func(_ *testing.T, _ *host, inside func(string)) { inside(`umount --lazy "$0"`) }, "read-only file system", true},
	}
}

// TestNoRoom has the state's file system full, or closed to writing, before the
// start and under a running watcher. Complaints are single lines and few, and
// once there is room again every link's state is told.
func TestNoRoom(t *testing.T) {
	for _, test := range closings() {
		t.Run(test.name, func(t *testing.T) {
			h := flapHost(t)
			inside := h.mounted(t)
			index := h.index(t, "flap0")

			// Before the start.
			test.close(t, h, inside)
			for _, verb := range []string{"watch", "apply-rules"} {
				stdout, stderr, status := h.run(t, verb)
				assert.Equal(t, 1, status, verb)
				assert.Empty(t, stdout)
				assert.Regexp(t, `^netbrk: [^\n]*`+test.says+`\n(netbrk: hint: [^\n]*\n)?$`, withoutLog(stderr), verb)
			}
			test.open(t, h, inside)
			w := h.watch(t)
			h.knows(t, index, "routable")
			h.settle(t)

			// Under a watcher that runs.
			test.close(t, h, inside)
			before := strings.Count(h.read("stderr"), "\n")
			h.IP(t, "link set peer0 down")
			<-w.done
			assert.Equal(t, 1, w.cmd.ProcessState.ExitCode())
			for range startsMost - 1 {
				w = h.watch(t)
				<-w.done
				assert.Equal(t, 1, w.cmd.ProcessState.ExitCode())
			}
			complaints := h.read("stderr")
			lines := strings.Split(strings.TrimSpace(complaints), "\n")[before:]
			assert.LessOrEqual(t, len(lines), 6*startsMost, strings.Join(lines, "\n"))
			assert.Contains(t, strings.Join(lines, "\n"), test.says)
			assert.NotContains(t, complaints, "panic")
			h.IP(t, "address add 192.0.2.11/24 dev flap0")

			test.open(t, h, inside)
			w = h.watch(t)
			h.knows(t, index, "no-carrier")
			h.ruled(t, "192.0.2.11")
			h.settle(t)
			w.end(t, h)
			h.noTemporaries(t, test.name)
		})
	}
}

func withoutLog(stderr string) string {
	var lines []string
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "level=") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// knows waits until scripts were told of a link's state.
func (h *host) knows(t *testing.T, index int, state string) {
	t.Helper()
	eventually(t, fmt.Sprintf("state %s of link %d", state, index), func() string {
		last := "nothing"
		for _, r := range h.runs(t) {
			if r.index == index && r.kind != "links" {
				last = r.state
			}
		}
		if last == state {
			return ""
		}
		return "scripts know of " + last
	})
}
