package aws_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/aws"
)

// startMock runs AWS's own mock of the service and returns where it answers. The
// Makefile says where it is.
func startMock(t *testing.T) string {
	t.Helper()
	mock := os.Getenv("NETBRK_TEST_EC2_MOCK")
	if _, err := os.Stat(mock); err != nil {
		if mock != "" && os.Getenv("CI") != "" {
			t.Fatalf("%s (make deps installs it)", err)
		}
		t.Skip("ec2-metadata-mock is not installed: make deps test")
	}
	// It cannot choose a port itself.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	cmd := exec.Command(mock, "-n", host, "-p", port, "--imdsv2")
	cmd.Env = []string{"HOME=" + t.TempDir()} // it reads a configuration there
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // the end of a process that was killed
	})
	return "http://" + address
}

// TestMock asks a server that is not ours, under the rules of version 2. Its
// second NIC does not exist, and its subnet does not contain its address.
func TestMock(t *testing.T) {
	client, err := cloud.NewClient(aws.Provider{}.Endpoint(), cloud.Options{Base: startMock(t)})
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := aws.Provider{}.Fetch(ctx, client)
	require.NoError(t, err)

	assert.Empty(t, m.Missing)
	assert.Equal(t, "i-1234567890abcdef0", m.System.InstanceID)
	assert.Equal(t, "m4.xlarge", m.System.Type)
	assert.Contains(t, string(m.Documents["ec2/document"]), `"instanceId"`)
	assert.NotEmpty(t, m.Documents["ec2/pkcs7"])
	assert.NotEmpty(t, m.Documents["ec2/signature"])
	assert.NotContains(t, m.Documents, "ec2/rsa2048", "it has none: absent, not failed")
	require.Len(t, m.NICs, 1)
	nic := m.NICs[0]
	assert.Equal(t, []string{"subnet-ipv4-cidr-block"}, nic.Missing, "which does not contain the address")
	assert.True(t, nic.Primary)
	assert.Equal(t, "0e:49:61:0f:c3:11", nic.MAC)
	require.Len(t, nic.Addresses, 2)
	assert.Equal(t, netip.MustParseAddr("172.16.34.43"), nic.Addresses[0].Addr)
	assert.Equal(t, netip.MustParseAddr("192.0.2.54"), nic.Addresses[0].Public)
	assert.Equal(t, netip.MustParseAddr("2001:db8:8:4::2"), nic.Addresses[1].Addr)
}
