package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const scene = `{"cloud": "aws", "told": {"nics": [{"mac": "MAC", "primary": true}]},
	"faults": [{"path": "*/mac", "kind": "replace", "body": "MAC"}]}`

// TestServe follows it from the first line to the end, a new file between.
func TestServe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scene.json")
	write := func(mac string) {
		require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(scene, "MAC", mac)), 0o644))
	}
	write("0e:00:5e:00:53:01")
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, "127.0.0.1:0", file, writer) }()
	lines := bufio.NewScanner(reader)
	require.True(t, lines.Scan())
	address, ok := strings.CutPrefix(lines.Text(), "listening on ")
	require.True(t, ok)

	status := func() int {
		codes := make(chan int, 1)
		go func() {
			response, err := http.Get("http://" + address + "/latest/meta-data/mac")
			if assert.NoError(t, err) {
				codes <- response.StatusCode
				assert.NoError(t, response.Body.Close())
			}
			close(codes)
		}()
		require.True(t, lines.Scan())
		assert.Equal(t, "GET /latest/meta-data/mac", lines.Text())
		return <-codes
	}
	assert.Equal(t, http.StatusOK, status())
	require.NoError(t, os.WriteFile(file, []byte(`{"cloud": "aws"}`), 0o644))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	require.True(t, lines.Scan())
	assert.Equal(t, "read "+file, lines.Text())
	assert.Equal(t, http.StatusUnauthorized, status())
	stop()
	assert.NoError(t, <-ended)
}

func TestServeRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scene.json")
	require.ErrorIs(t, serve(t.Context(), "127.0.0.1:0", file, io.Discard), os.ErrNotExist)
	require.NoError(t, os.WriteFile(file, []byte(`{"cloud": "aws"}`), 0o644))
	assert.ErrorContains(t, serve(t.Context(), "192.0.2.1", file, io.Discard), "listening on 192.0.2.1: ")
}
