package subcmd

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// serveMetadata has EC2's service answer on a port of its own.
func serveMetadata(t *testing.T) (endpoint string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	service := imdstest.New("aws", hostnet.Metadata{System: hostnet.System{Provider: "aws", InstanceID: "i-1"}})
	go func() { _ = service.Serve(listener) }() // until it is closed
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	return "http://" + listener.Addr().String()
}

// TestShowCredentials: they are on stdout, and nowhere else.
func TestShowCredentials(t *testing.T) {
	endpoint, dir := serveMetadata(t), t.TempDir()
	config := filepath.Join(dir, "netbrk.toml")
	require.NoError(t, os.WriteFile(config, nil, 0o644))
	run := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		args = append([]string{
			"netbrk", "--config", config, "--state-dir", filepath.Join(dir, "state"), "--log-level", "trace",
			"show", "credentials", "--provider", "aws", "--endpoint", endpoint,
		}, args...)
		require.Zero(t, Main(args, &stdout, &stderr), stderr.String())
		assert.Contains(t, stderr.String(), "security-credentials", "the log is on")
		assert.NotContains(t, stderr.String(), imdstest.Secret)
		return stdout.String()
	}
	text := run()
	assert.Contains(t, text, "role:               role\n")
	assert.Contains(t, text, "access key id:      ASIAEXAMPLE\n")
	assert.Contains(t, text, "secret access key:  "+imdstest.Secret+"\n")
	assert.Contains(t, text, "expires:            2026-11-24T08:34:19Z\n")

	var doc report.ShowDocument
	require.NoError(t, json.Unmarshal([]byte(run("--json")), &doc))
	require.NotNil(t, doc.Credentials)
	assert.Equal(t, hostnet.Secret(imdstest.Secret), doc.Credentials.SecretKey)
	assert.Equal(t, "ASIAEXAMPLE", doc.Credentials.AccessKeyID)

	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			assert.Equal(t, config, path)
		}
		return err
	}))
}
