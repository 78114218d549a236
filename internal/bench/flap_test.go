//go:build bench

package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/e2e"
)

// cable is the lab's end of the link. It is set down and up by one ioctl each:
// ip(8) would add its own start to each figure.
type cable struct {
	port   string
	socket int // of the lab's namespace
}

// attach plugs the link in, with an address that does not depend on anybody.
func attach(ctx context.Context, t *testing.T, w *e2e.World) *cable {
	t.Helper()
	require.NoError(t, w.Machine.WriteNetwork(ctx, "10-bench.network",
		"[Match]\nName="+link.Name+"\n\n[Network]\nAddress=10.77.0.9/24\nIPv6AcceptRA=no\n"))
	port := w.Attach(t, link)
	require.NoError(t, w.Machine.WaitLink(ctx, link.Name, "OPER_STATE=routable", "ADMIN_STATE=configured"))
	return &cable{port: port.Name, socket: labSocket(t, w)}
}

// labSocket opens a socket for requests about the lab's links.
func labSocket(t *testing.T, w *e2e.World) (socket int) {
	t.Helper()
	require.NoError(t, w.Lab.Do(func() (err error) {
		socket, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	}))
	t.Cleanup(func() { unix.Close(socket) })
	return socket
}

// set plugs the cable in or out and returns when that began.
func (c *cable) set(t *testing.T, flags uint16) time.Time {
	t.Helper()
	request, err := unix.NewIfreq(c.port)
	require.NoError(t, err)
	request.SetUint16(flags)
	at := time.Now()
	require.NoError(t, unix.IoctlIfreq(c.socket, unix.SIOCSIFFLAGS, request))
	return at
}

func (c *cable) cut(t *testing.T) time.Time { return c.set(t, 0) }
func (c *cable) restore(t *testing.T)       { c.set(t, unix.IFF_UP) }

// logFile is where hooks write a line each, with the time.
const logFile = "/run/bench.log"

// writeHook writes the hook of a state.
func writeHook(t *testing.T, m *e2e.Machine, path, state string) {
	t.Helper()
	require.NoError(t, m.WriteFile(path, []byte("#!/bin/sh\n"+logState(state, "${LINK:-$IFACE}")+"\n"), 0o755))
}

// logState is the command of sh(1) that writes a line: date(1) comes first, so that
// what the shell does afterwards does not count.
func logState(state, link string) string {
	return fmt.Sprintf("now=$(date +%%s%%N); echo \"%s %s $now\" >>%s", state, link, logFile)
}

// hookLog reads what the hooks wrote. read counts the lines that were waited
// for, by state.
type hookLog struct {
	machine *e2e.Machine
	read    map[string]int
}

func (l *hookLog) clear(ctx context.Context, t *testing.T) {
	t.Helper()
	shell(ctx, t, l.machine, "rm -f "+logFile)
	l.read = make(map[string]int)
}

// flap cuts the carrier and returns how long it took until the hook ran; then
// it plugs the cable in again and waits for the link to be routable.
func (l *hookLog) flap(ctx context.Context, t *testing.T, c *cable) time.Duration {
	t.Helper()
	// A hook that ran at the contestant's start is no answer to the cut.
	l.skip(t, "no-carrier")
	at := c.cut(t)
	took := l.wait(ctx, t, "no-carrier").Sub(at)
	l.skip(t, "routable")
	c.restore(t)
	l.wait(ctx, t, "routable")
	return took
}

func (l *hookLog) skip(t *testing.T, state string) {
	t.Helper()
	content, err := l.machine.ReadFile(logFile)
	if err != nil { // nothing ran yet
		return
	}
	l.read[state] = len(times(content, state))
}

// wait waits for the next run of a state's hook and returns when it was.
func (l *hookLog) wait(ctx context.Context, t *testing.T, state string) time.Time {
	t.Helper()
	var ran []time.Time
	require.NoError(t, l.machine.WaitFile(ctx, logFile, func(content []byte) bool {
		ran = times(content, state)
		return len(ran) > l.read[state]
	}))
	return ran[l.read[state]]
}

// times are those at which a state's hook ran for the link.
func times(content []byte, state string) []time.Time {
	var found []time.Time
	for line := range strings.Lines(string(content)) {
		stamp, ok := strings.CutPrefix(line, state+" "+link.Name+" ")
		if !ok || !strings.HasSuffix(stamp, "\n") {
			continue
		}
		if ns, err := strconv.ParseInt(strings.TrimSpace(stamp), 10, 64); err == nil {
			found = append(found, time.Unix(0, ns))
		}
	}
	return found
}
