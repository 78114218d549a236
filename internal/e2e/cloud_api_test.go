//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/report"
)

// testCloudByHand: a sync by hand and those of the units are of one boot, though a
// unit's /proc is another. What either added is the other's to remove.
func testCloudByHand(s cloudScript) {
	s.cloudIdle()
	before := string(s.state("cloud/links/" + s.index("ens5") + ".json"))
	s.run("netbrk", "cloud-sync")
	assert.Equal(s, before, string(s.state("cloud/links/"+s.index("ens5")+".json")))
	assert.NotContains(s, before, `"boot_id":""`)
	assert.Contains(s, string(s.state("rules/"+s.index("ens5")+".json")), `"added":[`)
	s.sync()
	assert.Contains(s, string(s.state("rules/"+s.index("ens5")+".json")), `"added":[`)
}

// testCloudShown has what was told from every place where it is to be had.
func testCloudShown(s cloudScript) {
	s.cloudIdle()
	document := string(s.state("cloud/provider/ec2/document"))
	assert.Equal(s, strings.TrimSpace(document), s.run("netbrk", "show", "document"))
	nobody := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "netbrk"}
	assert.Equal(s, strings.TrimSpace(document), s.run(append(nobody, "show", "document")...), "anybody may ask")

	code, body := s.get("/api/cloud/dynamicinstanceidentity/document")
	assert.Equal(s, "200", code)
	assert.Equal(s, document, body, "not a byte differs from what is signed")
	code, body = s.get("/api/cloud/system")
	assert.Equal(s, "200", code)
	assert.Contains(s, body, `"instance-id":"i-0001"`)
	code, body = s.get("/api/cloud/network")
	assert.Equal(s, "200", code)
	var nics map[string]report.OlderEC2NIC
	require.NoError(s, json.Unmarshal([]byte(body), &nics))
	assert.Contains(s, nics[cloudNIC(1).MAC].LocalIPv4s, "10.77.0.20,10.77.0.21", body)
	assert.Len(s, nics, len(s.ports))

	var doc report.Status
	out, _ := s.Machine.Run(s.ctx, "netbrk", "status", "cloud", "--json") // 3 where something is wrong
	require.NoError(s, json.Unmarshal([]byte(out), &doc), out)
	require.NotNil(s, doc.Cloud)
	assert.Len(s, doc.Cloud.NICs, len(s.ports))
}

// dropIn is the one of netbrk(1) that lets the API ask for credentials.
var dropIn = regexp.MustCompile(`(?s)\.Ql systemctl edit netbrk-api\.service :\n\.Bd [^\n]*\n(\[Service\]\n.*?)\.Ed\n`)

// testCloudCredentials: by default nobody gets them from the API, and with the key
// alone it could not have them.
func testCloudCredentials(s cloudScript) {
	const path, override = "/api/cloud/credentials", "/run/systemd/system/netbrk-api.service.d/50-page.conf"
	code, body := s.get(path)
	assert.Equal(s, "403", code, body)
	assert.Contains(s, s.run("netbrk", "show", "credentials"), "access key id:      ASIAEXAMPLE")
	_, err := s.Machine.Run(s.ctx, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "netbrk", "show", "credentials")
	assert.ErrorContains(s, err, "netbrk: credentials are shown to root alone")

	require.NoError(s, s.Machine.WriteFile("/etc/netbrk/netbrk.toml.d/60-expose.toml", []byte("[Cloud]\nExposeCredentials = true\n"), 0o644))
	code, body = s.get(path)
	assert.Equal(s, "503", code, body)
	assert.Contains(s, body, "man netbrk")

	page, err := os.ReadFile("../../man/netbrk.1")
	require.NoError(s, err)
	m := dropIn.FindSubmatch(page)
	require.NotNil(s, m, "netbrk(1) has no drop-in")
	require.NoError(s, s.Machine.WriteFile(override, m[1], 0o644))
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "restart", "netbrk-api.service")
	code, body = s.get(path)
	assert.Equal(s, "200", code, body)
	assert.Contains(s, body, `"AccessKeyId":"ASIAEXAMPLE"`)
	for _, other := range []string{"/api/v1/status", "/api/v1/links", "/api/v1/rules", "/metrics", "/api/cloud/network"} {
		code, body = s.get(other)
		assert.Equal(s, "200", code, body)
		assert.NotContains(s, body, imdstest.Secret)
	}
	s.run("rm", "-r", "/etc/netbrk/netbrk.toml.d/60-expose.toml", override)
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "restart", "netbrk-api.service")
	code, _ = s.get(path)
	assert.Equal(s, "403", code)

	_, err = s.Machine.Run(s.ctx, "grep", "--recursive", "--quiet", "--fixed-strings", imdstest.Secret, "/run/netbrk", "/run/log", "/var/log", "/etc/netbrk")
	assert.ErrorContains(s, err, "exit status 1", "they are nowhere")
}
