package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// required maps the programs that the harness runs to their Debian packages.
func required() map[string]string {
	return map[string]string{
		"mmdebstrap":     "mmdebstrap",
		"apt-config":     "apt",
		"systemd-nspawn": "systemd-container",
		"dnsmasq":        "dnsmasq-base",
		"ip":             "iproute2",
		"nsenter":        "util-linux",
		"unshare":        "util-linux",
	}
}

// Require skips the test where end-to-end tests cannot run: without root, or
// without the programs they take. Under NETBRK_TEST_E2E=1 it fails it instead.
func Require(t testing.TB) {
	t.Helper()
	reason := unable()
	switch {
	case reason == "":
	case os.Getenv("NETBRK_TEST_E2E") == "1":
		t.Fatal(reason)
	default:
		t.Skip(reason)
	}
}

func unable() string {
	if os.Geteuid() != 0 {
		return "end-to-end tests need root"
	}
	for program, pkg := range required() {
		if !installed(program) {
			return fmt.Sprintf("end-to-end tests need %s, from the package %s", program, pkg)
		}
	}
	return ""
}

func installed(program string) bool {
	for _, dir := range filepath.SplitList(searchPath) {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// Suites returns the Debian releases to test on: NETBRK_E2E_SUITES, or the two
// newest that are supported.
func Suites() []string {
	if suites := strings.Fields(os.Getenv("NETBRK_E2E_SUITES")); len(suites) > 0 {
		return suites
	}
	return []string{"bookworm", "trixie"}
}

// CacheFor opens the cache for a test that can do without its log.
func CacheFor(t testing.TB) *Cache {
	t.Helper()
	Require(t)
	dir, err := CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := OpenCache(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return cache
}

// WorldFor makes a world of the first suite for the time of a test that goes by one.
func WorldFor(ctx context.Context, t testing.TB, prepare func(context.Context, *Machine) error) *World {
	t.Helper()
	w, err := CacheFor(t).NewWorld(ctx, Suites()[0], prepare)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}
