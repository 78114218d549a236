package imdstest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	ttlHeader   = "X-aws-ec2-metadata-token-ttl-seconds"
	tokenHeader = "X-aws-ec2-metadata-token"
	macPath     = "/latest/meta-data/mac"
)

func told() hostnet.Metadata {
	return hostnet.Metadata{NICs: []hostnet.NIC{{MAC: "0e:00:5e:00:53:01", Primary: true}}}
}

// ask sends a request with headers, given as name and value in turn.
func ask(t *testing.T, s *imdstest.Server, method, path string, headers ...string) (int, string) {
	t.Helper()
	request := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, request)
	return recorder.Code, recorder.Body.String()
}

func token(t *testing.T, s *imdstest.Server) string {
	t.Helper()
	code, body := ask(t, s, http.MethodPut, "/latest/api/token", ttlHeader, "21600")
	require.Equal(t, http.StatusOK, code)
	return body
}

// TestAWSIsStrict has a row for each way in which EC2 refuses.
func TestAWSIsStrict(t *testing.T) {
	s := imdstest.New("aws", told())
	good := token(t, s)
	for _, tt := range []struct {
		name, method, path string
		headers            []string
		code               int
	}{
		{"good", http.MethodGet, macPath, []string{tokenHeader, good}, 200},
		{"directory", http.MethodGet, "/latest/meta-data/network/interfaces/macs", []string{tokenHeader, good}, 200},
		{"no token", http.MethodGet, macPath, nil, 401},
		{"bad token", http.MethodGet, macPath, []string{tokenHeader, good + "x"}, 401},
		{"absent", http.MethodGet, "/latest/meta-data/none", []string{tokenHeader, good}, 404},
		{"other root", http.MethodGet, "/meta-data/mac", []string{tokenHeader, good}, 404},
		{"forwarded", http.MethodGet, macPath, []string{tokenHeader, good, "X-Forwarded-For", "192.0.2.1"}, 403},
		{"forwarded token", http.MethodPut, "/latest/api/token", []string{ttlHeader, "60", "X-Forwarded-For", "192.0.2.1"}, 403},
		{"write", http.MethodPut, macPath, []string{tokenHeader, good}, 405},
		{"token without a time", http.MethodPut, "/latest/api/token", nil, 400},
		{"token for no time", http.MethodPut, "/latest/api/token", []string{ttlHeader, "0"}, 400},
		{"token for long", http.MethodPut, "/latest/api/token", []string{ttlHeader, "21601"}, 400},
		{"dated token", http.MethodPut, "/2021-03-23/api/token", []string{ttlHeader, "60"}, 403},
		{"token by GET", http.MethodGet, "/latest/api/token", []string{ttlHeader, "60"}, 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, _ := ask(t, s, tt.method, tt.path, tt.headers...)
			assert.Equal(t, tt.code, code)
		})
	}
	s.RevokeTokens()
	code, _ := ask(t, s, http.MethodGet, macPath, tokenHeader, good)
	assert.Equal(t, http.StatusUnauthorized, code)
}

func TestAWSListing(t *testing.T) {
	s := imdstest.New("aws", told())
	_, body := ask(t, s, http.MethodGet, "/latest/meta-data/network/interfaces/macs/", tokenHeader, token(t, s))
	assert.Equal(t, "0e:00:5e:00:53:01/", body, "a directory, no newline at the end")
	_, body = ask(t, s, http.MethodGet, "/latest/meta-data/network/interfaces/macs/0e:00:5e:00:53:01/", tokenHeader, token(t, s))
	assert.Equal(t, "device-number\ninterface-id\nmac\nowner-id", body)
}

func TestChange(t *testing.T) {
	given := told()
	s := imdstest.New("aws", given)
	s.Change(func(told *hostnet.Metadata) { told.NICs[0].MAC = "0e:00:5e:00:53:02" })
	_, body := ask(t, s, http.MethodGet, macPath, tokenHeader, token(t, s))
	assert.Equal(t, "0e:00:5e:00:53:02", body)
	assert.Equal(t, told(), given, "what was given is the caller's")
}

func TestRequests(t *testing.T) {
	s := imdstest.New("aws", told())
	_, _ = ask(t, s, http.MethodGet, macPath+"?x=1")
	assert.Equal(t, []imdstest.Request{{Method: http.MethodGet, Path: macPath + "?x=1", Remote: "192.0.2.1:1234", Status: 401}}, s.Requests())
	s.Forget()
	assert.Empty(t, s.Requests())
}

// TestScript has the faults that are answers; the client's tests have them all.
func TestScript(t *testing.T) {
	s := imdstest.New("aws", told())
	good := token(t, s)
	get := func(path string) int {
		code, _ := ask(t, s, http.MethodGet, path, tokenHeader, good)
		return code
	}
	s.Script(
		imdstest.Fault{Path: "*/macs/*", Kind: imdstest.Unavailable},
		imdstest.Fault{Path: macPath, Kind: imdstest.Gone, Times: 2},
		imdstest.Fault{Path: macPath, Kind: imdstest.ServerError, Times: 1},
		imdstest.Fault{Path: macPath, Kind: imdstest.NotFound, Until: time.Now().Add(-time.Second)},
	)
	assert.Equal(t, 503, get("/latest/meta-data/network/interfaces/macs/0e:00:5e:00:53:01/mac"))
	assert.Equal(t, []int{410, 410, 500, 200}, []int{get(macPath), get(macPath), get(macPath), get(macPath)})
	s.Script()
	assert.Equal(t, 200, get("/latest/meta-data/network/interfaces/macs/"))
}

func TestClouds(t *testing.T) {
	assert.Contains(t, imdstest.Clouds(), "aws")
	assert.PanicsWithValue(t, `imdstest: no cloud "vax", only `+quoted(imdstest.Clouds()), func() { imdstest.New("vax", told()) })
}

func quoted(names []string) string { return `["` + strings.Join(names, `" "`) + `"]` }

func TestScene(t *testing.T) {
	scene, err := imdstest.ParseScene([]byte(`{"cloud": "aws", "told": {"nics": [{"mac": "0e:00:5e:00:53:01", "primary": true}]},
		"faults": [{"path": "*/mac", "kind": "429", "times": 1, "retry_after": "7"}]}`))
	require.NoError(t, err)
	s := imdstest.New(scene.Cloud, hostnet.Metadata{})
	s.Play(scene)
	server := httptest.NewServer(s)
	defer server.Close()
	good := token(t, s)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+macPath, nil)
	require.NoError(t, err)
	request.Header.Set(tokenHeader, good)
	for _, want := range []struct {
		code       int
		retryAfter string
	}{{429, "7"}, {200, ""}} {
		response, err := server.Client().Do(request)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, want.code, response.StatusCode)
		assert.Equal(t, want.retryAfter, response.Header.Get("Retry-After"))
	}
	for _, bad := range []string{`{"cloud": "vax"}`, `{"cloud": "aws", "claud": 1}`, `{`} {
		_, err := imdstest.ParseScene([]byte(bad))
		assert.ErrorContains(t, err, "parsing scene: ")
	}
}
