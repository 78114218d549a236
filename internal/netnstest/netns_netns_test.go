package netnstest_test

import (
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/netnstest"
)

func links(t *testing.T) []string {
	t.Helper()
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	var names []string
	for _, i := range interfaces {
		names = append(names, i.Name)
	}
	return names
}

func TestNamespaceIsApart(t *testing.T) {
	host := links(t)
	one, two := netnstest.New(t), netnstest.New(t)
	index, peer := one.VethPair(t, "va", "vb")
	assert.NotEqual(t, index, peer)

	var inside []string
	one.Do(t, func() { inside = links(t) })
	assert.ElementsMatch(t, []string{"lo", "va", "vb"}, inside)
	two.Do(t, func() { inside = links(t) })
	assert.Equal(t, []string{"lo"}, inside)
	assert.Equal(t, host, links(t))

	info, err := os.Stat(one.Path())
	require.NoError(t, err)
	other, err := os.Stat(two.Path())
	require.NoError(t, err)
	assert.False(t, os.SameFile(info, other))
}

func TestDoEndsWithItsFunction(t *testing.T) {
	ns := netnstest.New(t)
	done := make(chan struct{})
	passed := false
	go func() {
		defer close(done)
		ns.Do(t, runtime.Goexit) // as require does when it fails
		passed = true
	}()
	<-done
	assert.False(t, passed, "Do returned although its function did not")
}
