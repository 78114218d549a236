//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const apiURL = "http://127.0.0.1:5209"

// get asks the API as a program would, and returns the status and the body.
func (s script) get(path string, header ...string) (status, body string) {
	s.Helper()
	args := []string{"curl", "--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}"}
	for _, h := range header {
		args = append(args, "--header", h)
	}
	out := s.run(append(args, apiURL+path)...)
	at := strings.LastIndexByte(out, '\n')
	require.GreaterOrEqual(s, at, 0, out)
	return out[at+1:], out[:at]
}

// testAPI asks the API over the socket that systemd listens on.
func testAPI(t *testing.T, w *World) {
	s := on(t, w)
	assert.Equal(t, "active", s.run("systemctl", "is-active", "netbrk-api.socket"))
	w.Attach(t, Link{Name: "ensapi", MAC: "02:00:00:00:41:01"})
	s.has("configured.d", "ensapi")
	status, body := s.get("/api/v1/status")
	require.Equal(t, "200", status, body)
	var doc struct {
		SchemaVersion int `json:"schema_version"`
		Links         []struct {
			Link   string            `json:"link"`
			States map[string]string `json:"states"`
		} `json:"links"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	assert.Equal(t, 1, doc.SchemaVersion)
	require.NotEmpty(t, doc.Links, "what the watcher saw of the host's links, of which its own network has none")

	// Its process holds nothing, and sees nothing but the state.
	pid := s.property("netbrk-api.service", "MainPID")
	assert.Regexp(t, `(?m)^CapEff:\s+0{16}$`, s.run("cat", "/proc/"+pid+"/status"))
	assert.Regexp(t, `(?m)^NoNewPrivs:\s+1$`, s.run("cat", "/proc/"+pid+"/status"))
	assert.NotRegexp(t, `(?m)^Uid:\s+0\s`, s.run("cat", "/proc/"+pid+"/status"))
	assert.Empty(t, s.run("find", "/proc/"+pid+"/root/run", "-type", "s"), "no socket of the bus or of systemd")
	assert.Regexp(t, `^lo\s[^\n]*$`, s.run("nsenter", "--target", pid, "--net", "ip", "-brief", "link", "show"))

	for _, path := range []string{"links", "rules", "hooks", "cloud", "openapi.json"} {
		status, body := s.get("/api/v1/" + path)
		assert.Equal(t, "200", status, body)
		assert.True(t, json.Valid([]byte(body)), body)
	}
	status, body = s.get("/metrics")
	assert.Equal(t, "200", status)
	assert.Contains(t, body, "# TYPE netbrk_")

	// Not in a cloud, and credentials are for those alone who set the key.
	for path, want := range map[string]string{
		"/api/cloud/system": "404", "/api/cloud/network": "404", "/api/cloud/dynamicinstanceidentity/document": "404",
		"/api/cloud/credentials": "403", "/api/v1/../../etc/passwd": "404", "/nothing": "404",
	} {
		status, body := s.get(path)
		assert.Equal(t, want, status, path)
		assert.Contains(t, body, `"error"`, path)
	}

	// A web page that has had its own name resolved to this host, or that asks from
	// where it is.
	for _, header := range []string{"Host: evil.example", "Host: 127.0.0.1.evil.example", "Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"} {
		status, body := s.get("/api/v1/status", header)
		assert.Contains(t, []string{"403", "421"}, status, header)
		assert.NotContains(t, body, "schema_version", header)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		assert.Equal(t, "405", s.run("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--request", method, apiURL+"/api/v1/status"), method)
	}
	assert.Equal(t, "200", s.run("curl", "--silent", "--head", "--output", "/dev/null", "--write-out", "%{http_code}", "http://localhost:5209/api/v1/status"))

	// It ends by itself, and the next client starts it again.
	require.NoError(t, w.Machine.WriteFile("/run/systemd/system/netbrk-api.service.d/e2e.conf",
		[]byte("[Service]\nExecStart=\nExecStart=/usr/bin/netbrk api --idle 200ms\n"), 0o644))
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "restart", "netbrk-api.service")
	s.run("sh", "-c", `while [ "$(systemctl is-active netbrk-api.service)" != inactive ]; do sleep 0.1; done`)
	assert.Equal(t, "success", s.property("netbrk-api.service", "Result"))
	status, _ = s.get("/api/v1/links")
	assert.Equal(t, "200", status)
	s.run("rm", "-r", "/run/systemd/system/netbrk-api.service.d")
	s.run("systemctl", "daemon-reload")
}
