package hosttest

import (
	"os"
	"testing"
)

// Lacks skips a test for which this machine lacks something. CI's lacks nothing: there
// a skip would hide that nothing is tested any more.
func Lacks(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
