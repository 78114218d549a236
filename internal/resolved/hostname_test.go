package resolved

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/resolved/resolvedtest"
)

func TestHostName(t *testing.T) {
	h, c := onBus(t, resolvedtest.Hostnamed)
	h.Change(func() { h.Static = "fixed" })
	now, static, err := c.HostName(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"before", "fixed"}, []string{now, static})
	require.NoError(t, c.SetHostName(t.Context(), "web-17"))
	assert.Equal(t, []string{"SetHostname web-17 false"}, h.Told())
	for _, name := range []string{"", ".", "a.", "-a", "a b", "a\nb", "$(reboot)", "192.0.2.1", strings.Repeat("a", 65)} {
		assert.Error(t, c.SetHostName(t.Context(), name), name)
	}
	assert.Empty(t, h.Told())
	h.Change(func() { h.Deny = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired" })
	assert.ErrorIs(t, c.SetHostName(t.Context(), "web-17"), fs.ErrPermission)
}

// TestHostNameActivates: hostnamed exits when it is idle, and is started by who
// asks for it.
func TestHostNameActivates(t *testing.T) {
	b := bustest.New(t, hostname1.name)
	b.Start()
	var c Conn
	defer c.Close()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, _, err := c.HostName(ctx)
		done <- err
	}()
	// What is started here never takes the name.
	assert.Eventually(t, b.Activated, 20*time.Second, 10*time.Millisecond)
	stop()
	assert.Error(t, <-done)
}

func TestHostNameWithoutHostnamed(t *testing.T) {
	_, c := onBus(t)
	_, _, err := c.HostName(t.Context())
	require.ErrorIs(t, err, ErrNotRunning)
}
