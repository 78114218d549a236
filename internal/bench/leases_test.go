//go:build bench

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// TestBenchLeaseFile reads a lease file of 100,000 blocks, beside grep, which only
// counts them. The memory is that of the whole program, which looks at the file and
// does nothing.
func TestBenchLeaseFile(t *testing.T) {
	const blocks, rounds = 100_000, 5
	dir := t.TempDir()
	path := filepath.Join(dir, "dhclient.leases")
	block := "lease {\n  interface \"eth0\";\n  fixed-address 192.0.2.7;\n  option subnet-mask 255.255.255.0;\n" +
		"  option routers 192.0.2.1;\n  option dhcp-lease-time 3600;\n  option domain-name-servers 192.0.2.1,192.0.2.2;\n" +
		"  option domain-name \"prod.example.net\";\n  renew 4 2026/11/19 08:10:11;\n  rebind 4 2026/11/19 08:35:02;\n" +
		"  expire 4 2026/11/19 08:42:32;\n}\n"
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat(block, blocks)), 0o644))
	var ours, grep []time.Duration
	for range rounds {
		start := time.Now()
		leases, _, err := dhclient.Read([]string{path})
		ours = append(ours, time.Since(start))
		require.NoError(t, err)
		require.Len(t, leases, 1)
		start = time.Now()
		out, err := exec.Command("grep", "-c", "^lease {", path).Output()
		grep = append(grep, time.Since(start))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintln(blocks), string(out))
	}
	config := filepath.Join(dir, "netbrk.toml")
	require.NoError(t, os.WriteFile(config, nil, 0o600))
	peak := peakMemory(t, netnstest.New(t), []string{
		netbrkPath(), "--config=" + config, "--state-dir=" + filepath.Join(dir, "state"),
		"run-hooks", "--generator=dhclient", "--lease-file=" + path, "--dry-run",
	})
	blocksName := fmt.Sprintf("%d MB", len(block)*blocks/1_000_000)
	table.Add(leases,
		Row{
			What: "reading a file of 100,000 blocks", Case: blocksName, Unit: "ms", Ours: milliseconds(Median(ours)),
			Peer: "grep -c", Theirs: milliseconds(Median(grep)), Goal: AtMost(200),
		},
		Row{What: "peak memory of run-hooks that reads it", Case: blocksName, Unit: "MiB", Ours: mebibytes(peak), Goal: AtMost(20)},
	)
}
