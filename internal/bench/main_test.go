//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/e2e"
)

// Sections of the table.
const (
	events = "Events to hooks"
	storms = "Storms"
	rules  = "Policy routing"
	cloud  = "Cloud"
	leases = "dhclient's leases"
	starts = "Programs"
)

// table is what all tests add to, and TestMain prints.
var table = NewTable(events, storms, rules, cloud, leases, starts)

// tablePath is where the table is left, in the tree.
const tablePath = "bin/bench.txt"

func TestMain(m *testing.M) {
	load, _ := os.ReadFile("/proc/loadavg")
	code := m.Run()
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n", strings.Join(where(string(load)), "\n"))
	if code != 0 {
		fmt.Fprintf(&out, "incomplete: tests failed\n")
	}
	fmt.Fprintln(&out)
	if err := table.Write(&out); err != nil {
		panic(err)
	}
	fmt.Printf("\n%s\n", out.Bytes())
	if err := os.WriteFile(filepath.Join("..", "..", tablePath), out.Bytes(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// where tells when and on what the figures were taken. The load before says whether
// the machine had anything else to do.
func where(load string) []string {
	var kernel unix.Utsname
	_ = unix.Uname(&kernel)
	version, err := exec.Command(netbrkPath(), "version").Output()
	if err != nil {
		version = []byte(err.Error())
	}
	cpus := fmt.Sprintf("%d CPUs", runtime.NumCPU())
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if found := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(info); found != nil {
			cpus += ", " + string(found[1])
		}
	}
	return []string{
		"date:    " + time.Now().UTC().Format("2006-01-02 15:04 MST"),
		"machine: " + cpus + "; load before: " + strings.Join(strings.Fields(load)[:3], " "),
		"kernel:  Linux " + unix.ByteSliceToString(kernel.Release[:]),
		"root:    Debian " + e2e.Suites()[0] + " in systemd-nspawn; network namespaces for what needs no systemd",
		"build:   " + strings.TrimSpace(string(version)),
	}
}

func netbrkPath() string {
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", "netbrk"))
	if err != nil {
		panic(err)
	}
	return path
}

// pause lets time pass. It waits for nothing: how far apart things happen is part of
// what is measured.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// shell runs a command in a machine, which has to go well, and returns what it printed.
func shell(ctx context.Context, t *testing.T, m *e2e.Machine, command string) string {
	t.Helper()
	out, err := m.Run(ctx, "sh", "-c", command)
	require.NoError(t, err)
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func mebibytes(kib int) float64 { return float64(kib) / 1024 }
