package aws_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/aws"
	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// instance has a number of NICs with addresses each, the first one public.
func instance(nics, addresses int) hostnet.Metadata {
	system := hostnet.System{
		Provider: "aws", InstanceID: "i-0a1b2c3d4e5f60718", Hostname: "ip-10-0-0-10.ec2.internal", Type: "m5.large",
		Image: "ami-0a1b", Region: "us-east-1", Zone: "us-east-1a", Account: "123456789012", Lifecycle: "on-demand",
		PublicIPv4: "198.51.100.7", SSHKeys: []string{"ssh-ed25519 AAAA deploy"},
		Details: []hostnet.Detail{{Key: "architecture", Value: "x86_64"}, {Key: "launched", Value: "2026-11-24T02:34:19Z"}},
	}
	told := hostnet.Metadata{System: system, Documents: map[string][]byte{
		"ec2/document": imdstest.IdentityDocument(system), "ec2/pkcs7": []byte("MIAG\nCSqG"), "ec2/rsa2048": []byte("MIAH"), "ec2/signature": []byte("dEx=="),
	}}
	for n := range nics {
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n), 0}), 24)
		nic := hostnet.NIC{
			MAC: fmt.Sprintf("0e:00:5e:00:53:%02x", n), ID: fmt.Sprintf("eni-0a%02d", n), Primary: n == 0, Device: n,
			Subnets: []netip.Prefix{subnet}, FirstHost: true,
		}
		for a := range addresses {
			address := hostnet.CloudAddress{Addr: netip.AddrFrom4([4]byte{10, 0, byte(n), byte(10 + a)}), Bits: 24, Role: hostnet.RoleSecondary}
			if a == 0 {
				address.Role = hostnet.RolePrimary
			}
			if a == 0 && n == 0 {
				address.Public = netip.MustParseAddr("198.51.100.7")
			}
			nic.Addresses = append(nic.Addresses, address)
		}
		told.NICs = append(told.NICs, nic)
	}
	return told
}

// dualStack adds IPv6 and delegated prefixes to all NICs.
func dualStack(told hostnet.Metadata) hostnet.Metadata {
	for i := range told.NICs {
		nic := &told.NICs[i]
		subnet := netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:0:%x::", i)), 64)
		nic.Subnets = append(nic.Subnets, subnet)
		nic.Addresses = append(nic.Addresses, hostnet.CloudAddress{Addr: subnet.Addr().Next(), Bits: 64, Role: hostnet.RolePrimary})
		nic.Ranges = append(nic.Ranges,
			hostnet.CloudRange{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), 16}), 28), Kind: "delegated"},
			hostnet.CloudRange{Prefix: netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:1:%x::", i)), 80), Kind: "delegated"})
	}
	return told
}

// run fetches once, in a bubble of its own, with 30 s for it.
func run(t *testing.T, server *imdstest.Server, check func(t *testing.T, m hostnet.Metadata, took time.Duration, err error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pipe := server.Pipe()
		client, err := cloud.NewClient(aws.Provider{}.Endpoint(), cloud.Options{Dial: pipe.Dial})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		m, err := aws.Provider{}.Fetch(ctx, client)
		took := time.Since(start)
		client.Close()
		require.NoError(t, pipe.Close())
		check(t, m, took, err)
	})
}

// TestFetch tells and is told the same, in as few requests as that takes.
func TestFetch(t *testing.T) {
	for _, tt := range []struct {
		name     string
		told     hostnet.Metadata
		requests int
		took     time.Duration // at 10 ms a request
	}{
		{"one NIC with one address", instance(1, 1), 17, 110 * time.Millisecond},
		{"two NICs", instance(2, 3), 23, 110 * time.Millisecond},
		{"two NICs with all there is", dualStack(instance(2, 3)), 31, 120 * time.Millisecond},
		{"fifteen NICs", instance(15, 50), 88, 270 * time.Millisecond},
		{"fifteen NICs with all there is", dualStack(instance(15, 50)), 148, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := imdstest.New("aws", tt.told)
			server.SetDelay(10 * time.Millisecond)
			run(t, server, func(t *testing.T, m hostnet.Metadata, took time.Duration, err error) {
				require.NoError(t, err)
				assert.Equal(t, tt.told, m)
				assert.Equal(t, tt.requests, len(server.Requests()))
				assert.LessOrEqual(t, took, tt.took)
			})
			for _, request := range server.Requests() {
				assert.NotContains(t, request.Path, "user-data")
				assert.NotContains(t, request.Path, "iam")
			}
		})
	}
}

// TestFaults has each fault for all requests of a key, and for all of the NIC's.
func TestFaults(t *testing.T) {
	const nic = "/latest/meta-data/network/interfaces/macs/0e:00:5e:00:53:01/"
	for _, tt := range []struct {
		name   string
		fault  imdstest.Fault
		nic    string // in Missing of the second NIC
		system string // in Missing of the instance
		within time.Duration
	}{
		{"absent", imdstest.Fault{Path: nic + "local-ipv4s", Kind: imdstest.NotFound}, "local-ipv4s", "", 0},
		{"absent directory", imdstest.Fault{Path: nic, Kind: imdstest.NotFound}, "meta-data/network/interfaces/macs/", "", 0},
		{"empty", imdstest.Fault{Path: nic + "local-ipv4s", Kind: imdstest.Replace}, "local-ipv4s", "", 0},
		{"device number", imdstest.Fault{Path: nic + "device-number", Kind: imdstest.Replace, Body: "0"}, "device-number", "", 0},
		{"unavailable", imdstest.Fault{Path: nic + "subnet*", Kind: imdstest.Unavailable}, "subnet-ipv4-cidr-block", "", 30 * time.Second},
		{"too many", imdstest.Fault{Path: nic + "*", Kind: imdstest.TooMany}, "meta-data/network/interfaces/macs/", "", 30 * time.Second},
		{"hang", imdstest.Fault{Path: nic + "local-ipv4s", Kind: imdstest.Hang}, "local-ipv4s", "", 30 * time.Second},
		{"cut", imdstest.Fault{Path: nic + "local-ipv4s", Kind: imdstest.Cut}, "local-ipv4s", "", 30 * time.Second},
		{"reset", imdstest.Fault{Path: nic + "local-ipv4s", Kind: imdstest.Reset}, "local-ipv4s", "", 30 * time.Second},
		{"HTML", imdstest.Fault{Path: nic + "local-ipv4s", Kind: imdstest.HTML}, "local-ipv4s", "", 0},
		{"redirect", imdstest.Fault{Path: nic + "local-ipv4s", Kind: imdstest.Redirect}, "local-ipv4s", "", 0},
		{"oversize", imdstest.Fault{Path: nic + "local-ipv4s", Kind: imdstest.Oversize}, "local-ipv4s", "", 0},
		{"system fact", imdstest.Fault{Path: "*/local-hostname", Kind: imdstest.ServerError}, "", "meta-data/local-hostname", 10 * time.Second},
		{"absent system fact", imdstest.Fault{Path: "*/local-hostname", Kind: imdstest.NotFound}, "", "", 0},
		{"document", imdstest.Fault{Path: "*/document", Kind: imdstest.Forbidden}, "", "dynamic/instance-identity/document", 0},
		{"association", imdstest.Fault{Path: "*/198.51.100.7", Kind: imdstest.Forbidden}, "", "meta-data/network/interfaces/macs/0e:00:5e:00:53:00/ipv4-associations/198.51.100.7", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			told := instance(2, 3)
			server := imdstest.New("aws", told)
			server.Script(tt.fault)
			run(t, server, func(t *testing.T, m hostnet.Metadata, took time.Duration, err error) {
				require.NoError(t, err)
				require.Len(t, m.NICs, 2)
				assert.Empty(t, m.NICs[0].Missing, "its neighbour")
				first(t, m.NICs[1].Missing, tt.nic)
				first(t, m.Missing, tt.system)
				assert.Equal(t, told.System.InstanceID, m.System.InstanceID)
				assert.LessOrEqual(t, took, tt.within)
			})
		})
	}
}

// first wants one key, or more of which it is the first; none for "".
func first(t *testing.T, missing []string, key string) {
	t.Helper()
	if key == "" {
		assert.Empty(t, missing)
	} else if assert.NotEmpty(t, missing) {
		assert.Equal(t, key, missing[0])
	}
}

func TestNothingCanBeSaid(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		kind       imdstest.Kind
		is         error
		text       string
	}{
		{"no list", "*/macs/", imdstest.NotFound, cloud.ErrAbsent, `reading metadata "meta-data/network/interfaces/macs/": not in the metadata`},
		{"empty list", "*/macs/", imdstest.Replace, cloud.ErrNotReady, "no NIC is listed"},
		{"no primary", "*/mac", imdstest.Unavailable, cloud.ErrNotReady, `reading metadata "meta-data/mac": metadata is not ready`},
		{"no token", "*/token", imdstest.Forbidden, cloud.ErrRefused, "asking for a session token: metadata answer refused: status 403"},
		{"nothing at all", "*", imdstest.Hang, cloud.ErrNotReady, "asking for a session token: metadata is not ready: net/http: timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := imdstest.New("aws", instance(2, 3))
			server.Script(imdstest.Fault{Path: tt.path, Kind: tt.kind})
			run(t, server, func(t *testing.T, _ hostnet.Metadata, took time.Duration, err error) {
				require.ErrorIs(t, err, tt.is)
				assert.ErrorContains(t, err, tt.text)
				assert.LessOrEqual(t, took, 30*time.Second)
			})
		})
	}
}

func TestChange(t *testing.T) {
	server := imdstest.New("aws", instance(1, 1))
	server.Change(func(told *hostnet.Metadata) { *told = instance(2, 2) })
	run(t, server, func(t *testing.T, m hostnet.Metadata, _ time.Duration, err error) {
		require.NoError(t, err)
		assert.Equal(t, instance(2, 2), m)
	})
}

// crowd counts the requests under way.
type crowd struct {
	cloud.Getter
	now, most atomic.Int32
}

func (c *crowd) Get(ctx context.Context, path string) ([]byte, error) {
	if now := c.now.Add(1); now > c.most.Load() {
		c.most.Store(now)
	}
	defer c.now.Add(-1)
	return c.Getter.Get(ctx, path)
}

func TestFetchIsBounded(t *testing.T) {
	server := imdstest.New("aws", instance(15, 50))
	server.SetDelay(10 * time.Millisecond)
	synctest.Test(t, func(t *testing.T) {
		pipe := server.Pipe()
		client, err := cloud.NewClient(aws.Provider{}.Endpoint(), cloud.Options{Dial: pipe.Dial})
		require.NoError(t, err)
		c := &crowd{Getter: client}
		_, err = aws.Provider{}.Fetch(t.Context(), c)
		require.NoError(t, err)
		assert.EqualValues(t, 8, c.most.Load())
		client.Close()
		require.NoError(t, pipe.Close())
	})
	assert.Equal(t, http.MethodPut, server.Requests()[0].Method)
}
