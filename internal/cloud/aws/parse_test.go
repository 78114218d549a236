package aws

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func parse(raw []byte) (hostnet.Metadata, error) { return Parse(cloudtest.Answers(raw)) }

func TestParse(t *testing.T) { cloudtest.Golden(t, ".txt", parse) }

// TestParseRefuses has lists that must never be taken for "no NIC is left".
func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, macs string
		want       error
	}{
		{"empty", "", cloud.ErrNotReady},
		{"blank", "\n", cloud.ErrNotReady},
		{"error page", "Service Unavailable", cloud.ErrRefused},
		{"one line of many", "0e:00:5e:00:53:01/\neth1/", cloud.ErrRefused},
		{"path", "../../iam/", cloud.ErrRefused},
		{"more than there can be", manyMACs(cloud.MaxNICs + 1), cloud.ErrRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(cloud.Answers{Bodies: map[string][]byte{macsKey: []byte(tt.macs)}})
			assert.ErrorIs(t, err, tt.want)
		})
	}
}

func manyMACs(n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "0e:00:5e:00:%02x:%02x/\n", i>>8, i&255)
	}
	return list.String()
}

// TestDocumentsAreKept looks at bytes, which the golden files have in base64.
func TestDocumentsAreKept(t *testing.T) {
	a := cloudtest.Answers(cloudtest.Documents(t, ".txt")["two-nics"])
	m, err := Parse(a)
	require.NoError(t, err)
	assert.Len(t, m.Documents, 4)
	for _, name := range documents() {
		assert.Equal(t, string(a.Bodies[identityDir+name]), string(m.Documents["ec2/"+name]))
	}
}

// TestFurtherKeys has lists that name more than is to be asked for.
func TestFurtherKeys(t *testing.T) {
	const dir = macsKey + "0e:00:5e:00:53:01/"
	a := cloud.Answers{Bodies: map[string][]byte{
		dir + "local-ipv4s":   []byte("10.0.1.10\n10.0.1.11"),
		dir + associationsDir: []byte("198.51.100.7\n../../../../../iam/security-credentials/role"),
		sshKeyDir:             []byte("0=key\n=\n../iam=1\n1/"),
		documentKey:           []byte(`{"instanceId": "i-0a1b"}`),
	}}
	assert.Equal(t, []string{
		dir + associationsDir + "198.51.100.7", sshKeyDir + "0/openssh-key", sshKeyDir + "1/openssh-key",
	}, furtherKeys(a, []string{dir}))
	for n := range 2 * maxAssociations {
		a.Bodies[dir+associationsDir] = fmt.Appendf(a.Bodies[dir+associationsDir], "\n198.51.100.%d", n)
	}
	assert.Len(t, furtherKeys(a, []string{dir}), maxAssociations+2)
}

// FuzzParse has any text for the lists and values of the NICs.
func FuzzParse(f *testing.F) {
	f.Add("0e:00:5e:00:53:01/\n0e:00:5e:00:53:02", "local-ipv4s\nsubnet-ipv4-cidr-block\nipv4-associations/", "10.0.1.10\n10.0.1.11", "10.0.1.0/24")
	f.Add("0e-00-5e-00-53-01", "ipv6s\nsubnet-ipv6-cidr-blocks", "2001:db8::1", "2001:db8::/64")
	for _, raw := range cloudtest.Documents(f, ".txt") {
		a := cloudtest.Answers(raw)
		directories, _ := nicDirectories(a)
		for _, d := range directories {
			listing := "local-ipv4s\nipv6s\nsubnet-ipv4-cidr-block\nsubnet-ipv6-cidr-blocks\nipv4-prefix\nipv6-prefix\ndevice-number"
			f.Add(string(a.Bodies[macsKey]), listing, string(a.Bodies[d+"local-ipv4s"]), string(a.Bodies[d+"subnet-ipv4-cidr-block"]))
			f.Add(string(a.Bodies[macsKey]), listing, string(a.Bodies[d+"ipv6s"]), string(a.Bodies[d+"subnet-ipv6-cidr-blocks"]))
		}
	}
	f.Fuzz(func(t *testing.T, macs, listing, addresses, subnets string) {
		a := cloud.Answers{Bodies: map[string][]byte{
			macKey: []byte(macs), macsKey: []byte(macs), sshKeyDir: []byte(listing), documentKey: []byte(addresses),
		}}
		directories, _ := nicDirectories(a)
		for _, directory := range directories {
			a.Bodies[directory] = []byte(listing)
			for _, key := range []string{"local-ipv4s", "ipv6s", "device-number", "network-card", "interface-id", associationsDir} {
				a.Bodies[directory+key] = []byte(addresses)
			}
			for _, key := range []string{"subnet-ipv4-cidr-block", "subnet-ipv6-cidr-blocks", "ipv4-prefix", "ipv6-prefix"} {
				a.Bodies[directory+key] = []byte(subnets)
			}
		}
		if m, err := Parse(a); err == nil {
			cloudtest.Check(t, m)
		}
	})
}
