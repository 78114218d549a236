//go:build bench

package bench

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/e2e"
)

var (
	usage     = regexp.MustCompile(`(?m)^usage_usec (\d+)$`)
	anonymous = regexp.MustCompile(`(?m)^RssAnon:\s+(\d+) kB$`)
	resident  = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)
	// highWater is the peak of the resident memory since the program was executed.
	highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)
)

// memory is that of a process, in KiB.
type memory struct {
	anonymous, resident, peak int
}

// readMemory reads a process's status, of proc_pid_status(5).
func readMemory(t *testing.T, status string) memory {
	t.Helper()
	return memory{number(t, anonymous, status), number(t, resident, status), number(t, highWater, status)}
}

// cpu is the time that a unit's processes have had so far.
func cpu(ctx context.Context, t *testing.T, m *e2e.Machine, unit string) time.Duration {
	t.Helper()
	stat := shell(ctx, t, m, "cat /sys/fs/cgroup/system.slice/"+unit+"/cpu.stat")
	return time.Duration(number(t, usage, stat)) * time.Microsecond
}

// memoryOf is that of a unit's main process.
func memoryOf(ctx context.Context, t *testing.T, m *e2e.Machine, unit string) memory {
	t.Helper()
	pid := strings.TrimSpace(shell(ctx, t, m, "systemctl show --property=MainPID --value "+unit))
	return readMemory(t, shell(ctx, t, m, "cat /proc/"+pid+"/status"))
}

func number(t *testing.T, pattern *regexp.Regexp, text string) int {
	t.Helper()
	found := pattern.FindStringSubmatch(text)
	require.NotNil(t, found, text)
	n, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return n
}
