package subcmd

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

// activated is a service that the test passes a socket, as systemd does.
type activated struct {
	dir, url string
	program  string
	socket   *os.File
	env      []string
}

func newActivated(t *testing.T, toml string) *activated {
	t.Helper()
	a := &activated{dir: t.TempDir()}
	a.program = linkProgram(t, a.dir)
	require.NoError(t, os.WriteFile(filepath.Join(a.dir, "netbrk.toml"), []byte(toml), 0o644))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	a.url = "http://" + l.Addr().String()
	a.socket, err = l.(*net.TCPListener).File()
	require.NoError(t, err)
	require.NoError(t, l.Close()) // the copy listens on
	t.Cleanup(func() { assert.NoError(t, a.socket.Close()) })
	return a
}

func (a *activated) state() string { return filepath.Join(a.dir, "state") }

// start starts the program. Until wait returns it runs; what it printed is left.
func (a *activated) start(t *testing.T, args ...string) (wait func() (stderr string)) {
	t.Helper()
	var stderr bytes.Buffer
	args = append([]string{"-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, a.program, "api"}, args...)
	cmd := exec.Command("/bin/sh", args...)
	cmd.Env = append(os.Environ(), append(a.env, "NETBRK_CONFIG="+filepath.Join(a.dir, "netbrk.toml"), "NETBRK_STATE_DIR="+a.state())...)
	cmd.ExtraFiles, cmd.Stderr = []*os.File{a.socket}, &stderr // descriptor 3, sd_listen_fds(3)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // one that has ended is gone
	return func() string {
		t.Helper()
		require.NoError(t, cmd.Wait(), "%s", &stderr)
		return stderr.String()
	}
}

// get asks, on a connection of its own.
func (a *activated) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+path, nil)
	require.NoError(t, err)
	request.Close = true
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(raw)
}

// TestAPIActivated: a client finds the socket whether or not the program runs. It
// ends by itself when nobody is connected, and whoever came in between is the next
// one's.
func TestAPIActivated(t *testing.T) {
	a := newActivated(t, "")
	early, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://"))
	require.NoError(t, err, "nobody runs yet")
	_, err = io.WriteString(early, "GET /api/v1/hooks HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)

	wait := a.start(t, "--idle", "200ms")
	answer := make([]byte, 15)
	_, err = io.ReadFull(early, answer)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 200 OK", string(answer))
	require.NoError(t, early.Close())
	assert.Empty(t, wait())

	between, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://"))
	require.NoError(t, err)
	wait = a.start(t, "--idle", "200ms")
	_, err = io.WriteString(between, "GET /api/v1/hooks HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadFull(between, answer)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 200 OK", string(answer))
	require.NoError(t, between.Close())
	assert.Empty(t, wait())
}

// TestAPICloud serves what cloud-sync kept, and credentials only to those whose
// configuration says so at that moment.
func TestAPICloud(t *testing.T) {
	a := newActivated(t, "[Cloud]\nProvider = \"aws\"\n")
	a.env = []string{"NETBRK_CLOUD_ENDPOINT=" + serveMetadata(t)}
	wait := a.start(t, "--idle", "1s", "--log-level", "trace")
	status, body := a.get(t, "/api/cloud/system")
	assert.Equal(t, http.StatusNotFound, status, body)

	store, err := state.OpenCloud(a.state())
	require.NoError(t, err)
	signed := "{ \"instanceId\" : \"i-1\" }"
	require.NoError(t, store.SaveSystem(hostnet.System{Provider: "aws", InstanceID: "i-1", SSHKeys: []string{"ssh-rsa AAAA x"}}))
	require.NoError(t, store.SaveLink(report.CloudLink{Index: 2, Link: "eth0", BootID: bootID(), NIC: hostnet.NIC{MAC: "02:00:00:00:00:01", Primary: true}}))
	require.NoError(t, store.SaveDocument("ec2/document", []byte(signed)))
	require.NoError(t, store.SaveDocument("ec2/pkcs7", []byte("MIIC\n")))
	require.NoError(t, store.SaveSync(report.CloudSync{Provider: "aws", Outcome: "done", Changed: time.Unix(1, 0)}))
	for path, want := range map[string]string{
		"/api/cloud/system": `"instance-id":"i-1"`, "/api/cloud/network": `{"02:00:00:00:00:01":{`,
		"/api/cloud/dynamicinstanceidentity/document": signed, "/api/cloud/dynamicinstanceidentity/pkcs7": `"MIIC\n"`,
		"/api/v1/cloud": `"instance_id":"i-1"`, "/metrics": "netbrk_",
	} {
		status, body := a.get(t, path)
		assert.Equal(t, http.StatusOK, status, body)
		assert.Contains(t, body, want)
		assert.NotContains(t, body, imdstest.Secret)
	}
	status, body = a.get(t, "/api/cloud/dynamicinstanceidentity/rsa2048")
	assert.Equal(t, http.StatusNotFound, status)
	assert.JSONEq(t, `{"error":"the metadata of aws had no rsa2048","hint":"netbrk cloud-sync asks again"}`, body)

	credentials := func(toml string) (int, string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(a.dir, "netbrk.toml"), []byte(toml), 0o644))
		return a.get(t, "/api/cloud/credentials")
	}
	status, body = credentials("[Cloud]\nProvider = \"aws\"\n")
	assert.Equal(t, http.StatusForbidden, status)
	assert.Contains(t, body, "ExposeCredentials")
	status, body = credentials("[Cloud]\nExposeCredentials = true\n")
	assert.Equal(t, http.StatusOK, status, body)
	var told map[string]string
	require.NoError(t, json.Unmarshal([]byte(body), &told))
	assert.Equal(t, map[string]string{
		"Role": "role", "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": imdstest.Secret,
		"Token": imdstest.Secret, "LastUpdated": "2026-11-24T02:34:19Z", "Expiration": "2026-11-24T08:34:19Z",
	}, told)
	status, body = credentials("[Cloud]\nProvider = \"gcp\"\nExposeCredentials = true\n")
	assert.Equal(t, http.StatusNotFound, status)
	assert.Contains(t, body, "gcp has no credentials")
	status, body = credentials("[Cloud]\nProvider = \"none\"\nExposeCredentials = true\n")
	assert.Equal(t, http.StatusNotFound, status)
	assert.Contains(t, body, "not in a cloud")
	status, body = credentials("[Cloud]\nExposeCredentials = \"perhaps\"\n")
	assert.Equal(t, http.StatusInternalServerError, status)
	assert.Contains(t, body, "netbrk config check")
	status, _ = credentials("")
	assert.Equal(t, http.StatusForbidden, status)

	log := wait()
	assert.Contains(t, log, "security-credentials", "the log is on")
	assert.NotContains(t, log, imdstest.Secret)
}
