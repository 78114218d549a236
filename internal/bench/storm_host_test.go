//go:build bench

package bench

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hosttest"
)

const firstAddress, secondAddress = "172.16.0.1", "172.16.0.2"

// stormHost has two links, one of which has rules and an address, and a hook for
// addresses.
type stormHost struct {
	*hosttest.Host
	routed int // the link that the routes are of
	ruled  int // the link with rules
	socket int // of rtnetlink, in the namespace
}

func newStormHost(t *testing.T) *stormHost {
	t.Helper()
	h := &stormHost{Host: hosttest.New(t, hosttest.Dir(t), "[Network]\nRoutingPolicyRules = \"pol0\"\n")}
	h.routed = h.link(t, "storm0", "far0")
	h.ruled = h.link(t, "pol0", "far1")
	h.address(t, firstAddress)
	h.Do(t, func() {
		var err error
		h.socket, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		require.NoError(t, err)
	})
	t.Cleanup(func() { unix.Close(h.socket) })
	hooks := filepath.Join(h.Dir, "hooks", "addresses.d")
	require.NoError(t, os.MkdirAll(hooks, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(hooks, "10-log"), fmt.Appendf(nil, "#!/bin/sh\ndate +%%s%%N >>%s\n", h.log()), 0o755))
	return h
}

// link adds a link that gets no address by itself, and returns its ifindex.
func (h *stormHost) link(t *testing.T, name, peer string) int {
	t.Helper()
	h.IPBatch(t, fmt.Sprintf("link add %s type veth peer name %s\n", name, peer)+
		fmt.Sprintf("link set %s addrgenmode none up\nlink set %s addrgenmode none up\n", name, peer))
	l, err := h.Netlink().LinkByName(name)
	require.NoError(t, err)
	return l.Attrs().Index
}

func (h *stormHost) log() string { return filepath.Join(h.Dir, "log") }

func (h *stormHost) start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	h.Do(t, func() { require.NoError(t, cmd.Start()) })
}

// address adds an address, and returns when that began.
func (h *stormHost) address(t *testing.T, address string) time.Time {
	t.Helper()
	prefix, err := netlink.ParseAddr(address + "/16")
	require.NoError(t, err)
	l, err := h.Netlink().LinkByIndex(h.ruled)
	require.NoError(t, err)
	at := time.Now()
	require.NoError(t, h.Netlink().AddrAdd(l, prefix))
	return at
}

func (h *stormHost) watch(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := h.Command("--log-level=warn", "watch", "--dispatch=exec")
	cmd.Stderr = os.Stderr
	h.start(t, cmd)
	return cmd
}

// still waits until a process has not computed for a while.
func still(t *testing.T, pid int) {
	t.Helper()
	since, last := time.Now(), processCPU(t, pid)
	hosttest.Wait(t, "rest of a process", func() bool {
		if now := processCPU(t, pid); now != last {
			since, last = time.Now(), now
		}
		return time.Since(since) > stillFor
	})
}

// processCPU is the time that a process has had so far, all threads: sum_exec_runtime
// of proc_pid_sched(5) has no ticks.
func processCPU(t *testing.T, pid int) time.Duration {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	require.NoError(t, err)
	require.NotEmpty(t, tasks, "the process has ended")
	var sum time.Duration
	for _, task := range tasks {
		raw, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(raw), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		require.NoError(t, err)
		sum += time.Duration(ns)
	}
	return sum
}

// hasRules tells whether an address has its rules: there are three of each.
func (h *stormHost) hasRules(t *testing.T, address string) bool {
	t.Helper()
	all, err := h.Netlink().RuleList(netlink.FAMILY_V4)
	require.NoError(t, err)
	count := 0
	for _, r := range all {
		if r.Src != nil && r.Src.IP.String() == address || r.Dst != nil && r.Dst.IP.String() == address {
			count++
		}
	}
	return count == 3
}

// runs is how often the hook has run, and ran whether it has so often.
func (h *stormHost) runs() int {
	content, _ := os.ReadFile(h.log()) // none yet
	return strings.Count(string(content), "\n")
}

func (h *stormHost) ran(times int) bool { return h.runs() >= times }

// ranAt tells when the hook ran, the first time being 0.
func (h *stormHost) ranAt(t *testing.T, run int) time.Time {
	t.Helper()
	content, err := os.ReadFile(h.log())
	require.NoError(t, err)
	ns, err := strconv.ParseInt(strings.Fields(string(content))[run], 10, 64)
	require.NoError(t, err)
	return time.Unix(0, ns)
}

// routeRequest asks for the route to 10.0.0.0/8's host i.
func routeRequest(index, i int) []byte {
	request := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	request.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{
		Family: unix.AF_INET, Dst_len: 32, Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_BGP,
		Scope: unix.RT_SCOPE_LINK, Type: unix.RTN_UNICAST,
	}})
	request.AddData(nl.NewRtAttr(unix.RTA_DST, binary.BigEndian.AppendUint32(nil, 10<<24|uint32(i))))
	request.AddData(nl.NewRtAttr(unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, uint32(index))))
	return request.Serialize()
}
