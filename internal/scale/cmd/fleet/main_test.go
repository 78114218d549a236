package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRun: every scene and every cloud has its line.
func TestRun(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(&out, "../../../../units", "gcp", 500, 1))
	assert.Contains(t, out.String(), "500 instances of gcp, 15 requests a sync, the next one 5m0s to 5m31s after it; seed 1\n")
	assert.Regexp(t, `(?m)^ +7500 +15\.00 +[0-9.]+ +0 s +1 s +all boot in one second$`, out.String())
	assert.Regexp(t, `(?m)^aws +21 +240 `, out.String())

	assert.ErrorContains(t, run(&out, "../../../../units", "none", 500, 1), `no cloud "none"`)
	assert.ErrorContains(t, run(&out, "../../../../units", "gcp", 0, 1), "0 instances")
	assert.ErrorContains(t, run(&out, t.TempDir(), "gcp", 500, 1), "netbrk-cloud-sync.timer")
}
