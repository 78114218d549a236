package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRoutesAnswer(t *testing.T) {
	for _, r := range routes() {
		t.Run(r.path, func(t *testing.T) {
			got := ask(fake{provider: "aws"}, http.MethodGet, r.path)
			body := text(t, got)
			require.Equal(t, http.StatusOK, got.StatusCode, body)
			assert.Equal(t, r.media, got.Header.Get("Content-Type"))
			assert.NotEmpty(t, body)
			if r.media == mediaJSON {
				assert.True(t, json.Valid([]byte(body)), body)
			}
			for name, want := range map[string]string{
				"Cache-Control":                "no-store",
				"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
				"Cross-Origin-Resource-Policy": "same-origin",
				"X-Content-Type-Options":       "nosniff",
			} {
				assert.Equal(t, want, got.Header.Get(name))
			}
			for name := range got.Header {
				assert.False(t, strings.HasPrefix(name, "Access-Control-"), name)
			}
		})
	}
}

func TestRoutesParts(t *testing.T) {
	for part, key := range map[string]string{"links": "links", "rules": "rules", "hooks": "hooks", "cloud": "cloud"} {
		var doc map[string]any
		require.NoError(t, json.Unmarshal([]byte(text(t, ask(fake{provider: "aws"}, http.MethodGet, "/api/v1/"+part))), &doc))
		assert.Contains(t, doc, key)
		for other := range doc {
			assert.Contains(t, []string{key, "schema_version", "version", "time", "health", "notes"}, other)
		}
	}
}

// TestRoutesIdentity: the document as it came, the others as the older tool's
// clients have them.
func TestRoutesIdentity(t *testing.T) {
	aws := fake{provider: "aws"}
	assert.Equal(t, "{ \"instanceId\" : \"i-1\" }", text(t, ask(aws, http.MethodGet, identityDir+"document")))
	assert.Equal(t, "\"MIIC\\nabc\"\n", text(t, ask(aws, http.MethodGet, identityDir+"pkcs7")))
	got := ask(fake{provider: "gcp"}, http.MethodGet, identityDir+"document")
	assert.Equal(t, http.StatusNotFound, got.StatusCode)
	assert.JSONEq(t, `{"error":"has no document","hint":"none"}`, text(t, got))
}

func TestRoutesOlder(t *testing.T) {
	for provider, want := range map[string]string{"aws": `"instance-id":"17"`, "azure": `"vmId":"17"`, "gcp": `"id":17`, "hetzner": `"instance_id":"17"`} {
		assert.Contains(t, text(t, ask(fake{provider: provider}, http.MethodGet, "/api/cloud/system")), want)
	}
	got := ask(fake{}, http.MethodGet, "/api/cloud/network")
	assert.Equal(t, http.StatusNotFound, got.StatusCode)
	assert.Contains(t, text(t, got), "nothing is known of a cloud")
}

func TestRoutesProblem(t *testing.T) {
	got := ask(fake{err: errors.New("reading links: no such thing")}, http.MethodGet, "/api/v1/links")
	assert.Equal(t, http.StatusInternalServerError, got.StatusCode)
	assert.JSONEq(t, `{"error":"reading links: no such thing","hint":"journalctl -u netbrk-api.service"}`, text(t, got))
	assert.Equal(t, http.StatusForbidden, ask(fake{}, http.MethodGet, "/api/cloud/credentials").StatusCode)
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, method, target string
		change               func(*http.Request)
		want                 int
	}{
		{"plain", "GET", "/api/v1/status", nil, 200},
		{"head", "HEAD", "/api/v1/status", nil, 200},
		{"with a query", "GET", "/api/v1/status?x=1", nil, 200},
		{"top", "GET", "/", nil, 404},
		{"a directory", "GET", "/api/v1/", nil, 404},
		{"behind a path", "GET", "/api/v1/status/", nil, 404},
		{"not cleaned", "GET", "/api/v1/../v1/status", nil, 404},
		{"two slashes", "GET", "//api/v1/status", nil, 404},
		{"post", "POST", "/api/v1/status", nil, 405},
		{"preflight", "OPTIONS", "/api/v1/status", header("Access-Control-Request-Method", "GET"), 405},
		{"delete", "DELETE", "/api/v1/status", nil, 405},
		{"trace", "TRACE", "/api/v1/status", nil, 405},
		{"post to nowhere", "POST", "/x", nil, 404},
		{"a body", "GET", "/api/v1/status", func(r *http.Request) { r.ContentLength = 1 }, 413},
		{"a body in chunks", "GET", "/api/v1/status", func(r *http.Request) { r.ContentLength, r.TransferEncoding = -1, []string{"chunked"} }, 413},
		{"HTTP/1.0", "GET", "/api/v1/status", func(r *http.Request) { r.ProtoMinor = 0 }, 505},
		{"HTTP/2", "GET", "/api/v1/status", func(r *http.Request) { r.ProtoMajor, r.ProtoMinor = 2, 0 }, 505},

		{"another host", "GET", "/api/v1/status", func(r *http.Request) { r.Host = "attacker.example" }, 421},
		{"another host, nowhere", "GET", "/x", func(r *http.Request) { r.Host = "attacker.example" }, 421},
		{"no host", "GET", "/api/v1/status", func(r *http.Request) { r.Host = "" }, 421},
		{"localhost", "GET", "/api/v1/status", func(r *http.Request) { r.Host = "LocalHost:80" }, 200},
		{"IPv6", "GET", "/api/v1/status", func(r *http.Request) { r.Host = "[::1]:5209" }, 200},

		{"a page of ours", "GET", "/api/v1/status", header("Origin", "http://127.0.0.1:5209"), 200},
		{"a page of another site", "GET", "/api/v1/status", header("Origin", "https://attacker.example"), 403},
		{"a page of another port", "GET", "/api/v1/status", header("Origin", "http://127.0.0.1:8080"), 403},
		{"a page by TLS", "GET", "/api/v1/status", header("Origin", "https://127.0.0.1:5209"), 403},
		{"a page in a sandbox", "GET", "/api/v1/status", header("Origin", "null"), 403},
		{"an empty origin", "GET", "/api/v1/status", header("Origin", ""), 403},
		{"a link of another site", "GET", "/api/v1/status", header("Sec-Fetch-Site", "cross-site"), 403},
		{"an image of another port", "GET", "/api/v1/status", header("Sec-Fetch-Site", "same-site"), 403},
		{"what is to come", "GET", "/api/v1/status", header("Sec-Fetch-Site", "other"), 403},
		{"a page of ours, lately", "GET", "/api/v1/status", header("Sec-Fetch-Site", "same-origin"), 200},
		{"typed", "GET", "/api/v1/status", header("Sec-Fetch-Site", "none"), 200},
		{"two origins", "GET", "/api/v1/status", func(r *http.Request) {
			r.Header["Origin"] = []string{"http://127.0.0.1:5209", "https://attacker.example"}
		}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var change []func(*http.Request)
			if tt.change != nil {
				change = append(change, tt.change)
			}
			got := ask(fake{provider: "aws"}, tt.method, tt.target, change...)
			body := text(t, got)
			assert.Equal(t, tt.want, got.StatusCode, body)
			if tt.want == http.StatusMethodNotAllowed {
				assert.Equal(t, "GET, HEAD", got.Header.Get("Allow"))
			}
			assert.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
			assert.Empty(t, got.Header.Get("Access-Control-Allow-Origin"))
			if tt.want != http.StatusOK {
				var p Problem
				require.NoError(t, json.Unmarshal([]byte(body), &p))
				assert.NotEmpty(t, p.What)
				assert.NotEmpty(t, p.Hint)
				assert.NotContains(t, body, "routable")
			}
		})
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5209": true, "LOCALHOST:1": true,
		"127.0.0.1": true, "127.0.0.1:5209": true, "127.8.9.10:65535": true,
		"[::1]": true, "[::1]:5209": true, "[0:0:0:0:0:0:0:1]:1": true,

		"": false, ":5209": false, "localhost:": false, "localhost:0": false, "localhost:x": false, "localhost:+1": false,
		"localhost:65536": false, "localhost.": false, "localhost.attacker.example": false, "x.localhost": false,
		"127.0.0.1.attacker.example": false, "127.0.0.1.:1": false, "127.1": false, "0127.0.0.1": false, "2130706433": false,
		"0.0.0.0": false, "128.0.0.1": false, "192.0.2.1:5209": false, "attacker.example": false,
		"::1": false, "::1:5209": false, "[::1": false, "[::1]x": false, "[::1]:": false, "[::]": false, "[::2]": false, "[::1%lo]": false,
		"[::ffff:127.0.0.1]": false, "[127.0.0.1]": false, "localhost\x00": false, "localhost, attacker.example": false,
		"user@localhost": false, "[localhost]": false,
	} {
		assert.Equal(t, want, loopback(host), "%q", host)
	}
}

// FuzzLoopback: what counts as this host is nothing that could be looked up.
func FuzzLoopback(f *testing.F) {
	for _, host := range []string{"localhost:1", "127.0.0.1", "[::1]:5209", "attacker.example"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if !loopback(host) {
			return
		}
		if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
			host = host[:i]
		}
		if !strings.EqualFold(host, "localhost") && !strings.HasPrefix(host, "[") {
			assert.Regexp(t, `^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$`, host)
		}
	})
}
