package dispatcher

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hosttest"
)

func TestRefused(t *testing.T) {
	r := newTree(t)
	r.script("routable.d/10-fine")
	r.file("routable.d/10-fine~", "", 0o666) // a leftover
	r.file("nonsense.d/10-x", "", 0o666)     // no hook directory
	open := r.file("routable.d/20-open", "#!/bin/sh\n", 0o757)
	perLink := r.file("carrier.d/wg*/30-off", "#!/bin/sh\n", 0o644)
	exact := r.file("rules.d/40-off", "#!/bin/sh\n", 0o644)
	finder := Finder{Roots: []string{r.path, r.path, "relative"}, Trust: r.trust()}
	var paths []string
	for _, s := range finder.Refused() {
		paths = append(paths, s.Path)
		assert.NotEmpty(t, s.Why)
	}
	assert.Equal(t, []string{perLink, open, exact}, paths, "for whichever link, each once")
}

// TestLookedAtBySomebodyElse judges scripts for root: that we cannot run them says
// nothing.
func TestLookedAtBySomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to leave something to root takes root")
	}
	r := newTree(t)
	require.NoError(t, os.Chmod(filepath.Dir(r.path), 0o755)) // testing makes it for its own user
	r.file("routable.d/10-x", "#!/bin/sh\n", 0o700)
	hosttest.AsNobody(t, func() {
		f := Finder{Roots: []string{r.path}, Trust: Trust{UID: 0, Root: r.path}}
		assert.Empty(t, f.Refused())
		f.Trust.UID = os.Geteuid()
		assert.Len(t, f.Refused(), 1, "for ourselves it is root's to run")
	})
}
