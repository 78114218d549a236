package dispatcher

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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
		t.Skip("to become another user takes root")
	}
	r := newTree(t)
	require.NoError(t, os.Chmod(filepath.Dir(r.path), 0o755)) // testing makes it for its own user
	r.file("routable.d/10-x", "#!/bin/sh\n", 0o700)
	refused := make(chan []Skipped)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, now another user's, dies with us
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534)
		assert.Zero(t, errno)
		f := Finder{Roots: []string{r.path}, Trust: Trust{UID: 0, Root: r.path}}
		refused <- f.Refused()
		f.Trust.UID = 65534
		refused <- f.Refused()
	}()
	assert.Empty(t, <-refused)
	assert.Len(t, <-refused, 1, "for ourselves it is root's to run")
}
