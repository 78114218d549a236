package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/imdstest"
)

// dialer has addresses that cannot be reached.
type dialer struct {
	pipe   *imdstest.Pipe
	dead   string // a part of the addresses
	dialed []string
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.dialed = append(d.dialed, address)
	if d.dead != "" && strings.Contains(address, d.dead) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("network is unreachable")}
	}
	return d.pipe.Dial(ctx, network, address)
}

func TestBases(t *testing.T) {
	link := "http://[fe80::a9fe:a9fe%LINK]/latest/"
	for _, tt := range []struct {
		name, dead string
		bases      []string
		options    cloud.Options
		dialed     []string
	}{
		{"first", "", endpoint().Bases, cloud.Options{}, []string{"169.254.169.254:80"}},
		{"IPv6 alone", "169.254", endpoint().Bases, cloud.Options{}, []string{"169.254.169.254:80", "[fd00:ec2::254]:80"}},
		{"by link", "eth0", []string{link}, cloud.Options{Links: []string{"eth0", "ens5"}}, []string{"[fe80::a9fe:a9fe%eth0]:80", "[fe80::a9fe:a9fe%ens5]:80"}},
		{"override", "", []string{link}, cloud.Options{Base: "http://192.0.2.9:8080"}, []string{"192.0.2.9:8080"}},
		{"override with a path", "", endpoint().Bases, cloud.Options{Base: "http://192.0.2.9/latest"}, []string{"192.0.2.9:80"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := endpoint()
			e.Bases = tt.bases
			synctest.Test(t, func(t *testing.T) {
				d := &dialer{pipe: imdstest.New("aws", told()).Pipe(), dead: tt.dead}
				tt.options.Dial = d.dial
				c, err := cloud.NewClient(e, tt.options)
				require.NoError(t, err)
				for range 3 { // the choice stands
					_, err = c.Get(t.Context(), macPath)
					require.NoError(t, err)
				}
				assert.Equal(t, tt.dialed, d.dialed)
				c.Close()
				require.NoError(t, d.pipe.Close())
			})
		})
	}
}

func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{dead: ":80"}
		c, err := cloud.NewClient(endpoint(), cloud.Options{Dial: d.dial, Times: cloud.Times{Tries: 3}})
		require.NoError(t, err)
		_, err = c.Get(t.Context(), macPath)
		require.ErrorIs(t, err, cloud.ErrNotReady)
		assert.EqualError(t, err, `reading metadata "meta-data/mac": asking for a session token: metadata is not ready: `+
			`dial tcp: network is unreachable; dial tcp: network is unreachable`)
		assert.Len(t, d.dialed, 6)
	})
}

// TestUnreachableByManyLinks: of a thousand links not each one's error is told.
func TestUnreachableByManyLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := cloud.Endpoint{Bases: []string{"http://[fe80::a9fe:a9fe%LINK]/"}}
		var links []string
		for n := range 1000 {
			links = append(links, fmt.Sprintf("veth%d", n))
		}
		d := &dialer{dead: ":80"}
		c, err := cloud.NewClient(e, cloud.Options{Dial: d.dial, Links: links, Times: cloud.Times{Tries: 1}})
		require.NoError(t, err)
		_, err = c.Get(t.Context(), macPath)
		require.ErrorIs(t, err, cloud.ErrNotReady)
		assert.Less(t, len(err.Error()), 300)
		assert.ErrorContains(t, err, "network is unreachable; and so on")
		assert.Len(t, d.dialed, len(links))
	})
}

func TestNewClientRefuses(t *testing.T) {
	for _, tt := range []struct{ name, base string }{
		{"other scheme", "https://192.0.2.1/"},
		{"no scheme", "192.0.2.1:80"},
		{"user", "http://user:secret@192.0.2.1/"},
		{"query", "http://192.0.2.1/?x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := cloud.NewClient(endpoint(), cloud.Options{Base: tt.base})
			assert.ErrorContains(t, err, "reading metadata endpoint")
		})
	}
	_, err := cloud.NewClient(cloud.Endpoint{Bases: []string{"http://[fe80::1%LINK]/"}}, cloud.Options{})
	assert.EqualError(t, err, "no link to ask the metadata service through")
}

func TestProxyIsNotUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.77:3128")
	t.Setenv("http_proxy", "http://192.0.2.77:3128")
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{pipe: imdstest.New("aws", told()).Pipe()}
		c, err := cloud.NewClient(endpoint(), cloud.Options{Dial: d.dial})
		require.NoError(t, err)
		_, err = c.Get(t.Context(), macPath)
		require.NoError(t, err)
		assert.Equal(t, []string{"169.254.169.254:80"}, d.dialed)
		c.Close()
		require.NoError(t, d.pipe.Close())
	})
}
