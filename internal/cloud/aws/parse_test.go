package aws

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// readAnswers takes an archive of keys by path. As the service sends them, a
// body has no last newline. The file "failed" has lines of a path and a reason.
func readAnswers(t *testing.T, path string) Answers {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	a := Answers{Bodies: map[string][]byte{}, Failed: map[string]string{}}
	for _, file := range archive.Files {
		body := strings.TrimSuffix(string(file.Data), "\n")
		if file.Name != "failed" {
			a.Bodies[file.Name] = []byte(body)
			continue
		}
		for line := range strings.Lines(body) {
			key, why, _ := strings.Cut(strings.TrimSpace(line), ": ")
			a.Failed[key] = why
		}
	}
	return a
}

// TestParse compares with golden files; go test -update writes them.
func TestParse(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			m, err := Parse(readAnswers(t, path))
			got := []byte("error: ")
			if err != nil {
				got = append(got, err.Error()...)
			} else {
				got, err = json.MarshalIndent(m, "", "  ")
				require.NoError(t, err)
			}
			golden := strings.TrimSuffix(path, ".txtar") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got)+"\n")
		})
	}
}

// TestDocumentsAreKept looks at bytes, which the golden files have in base64.
func TestDocumentsAreKept(t *testing.T) {
	a := readAnswers(t, "testdata/two-nics.txtar")
	m, err := Parse(a)
	require.NoError(t, err)
	assert.Len(t, m.Documents, 4)
	for _, name := range documents() {
		assert.Equal(t, string(a.Bodies[identityPath+name]), string(m.Documents["ec2/"+name]))
	}
}

// TestFurtherKeys has listings that name more than is to be asked for.
func TestFurtherKeys(t *testing.T) {
	const dir = macsPath + "0e:00:5e:00:53:01/"
	a := Answers{Bodies: map[string][]byte{
		macPath:                []byte("0e:00:5e:00:53:01"),
		macsPath:               []byte("0e:00:5e:00:53:01/\n../../../../iam/"),
		dir:                    []byte("local-ipv4s\nipv4-associations/"),
		dir + "local-ipv4s":    []byte("10.0.1.10\n10.0.1.11"),
		dir + associationsName: []byte("198.51.100.7\n../../../../../iam/security-credentials/role"),
		publicKeysPath:         []byte("0=key\n=\n../iam=1\n1/"),
		documentPath:           []byte(`{"instanceId": "i-0a1b"}`),
	}}
	assert.Equal(t, []string{dir}, a.directories())
	assert.Equal(t, []string{
		dir + associationsName + "198.51.100.7",
		publicKeysPath + "0/openssh-key", publicKeysPath + "1/openssh-key",
	}, a.furtherKeys())
	for n := range 2 * maxAssociations {
		a.Bodies[dir+associationsName] = fmt.Appendf(a.Bodies[dir+associationsName], "\n198.51.100.%d", n)
	}
	assert.Len(t, a.furtherKeys(), maxAssociations+2)
}

// FuzzParse has any text for the lists and values of two NICs.
func FuzzParse(f *testing.F) {
	f.Add("0e:00:5e:00:53:01/\n0e:00:5e:00:53:02", "local-ipv4s\nsubnet-ipv4-cidr-block\nipv4-associations/", "10.0.1.10\n10.0.1.11", "10.0.1.0/24")
	f.Add("0e-00-5e-00-53-01", "ipv6s\nsubnet-ipv6-cidr-blocks", "2001:db8::1", "2001:db8::/64")
	f.Fuzz(func(t *testing.T, macs, listing, addresses, subnets string) {
		a := Answers{Bodies: map[string][]byte{macPath: []byte(strings.SplitN(macs, "\n", 2)[0]), macsPath: []byte(macs), publicKeysPath: []byte(listing), documentPath: []byte(addresses)}}
		for _, dir := range a.directories() {
			a.Bodies[dir] = []byte(listing)
			for _, key := range []string{"local-ipv4s", "ipv6s", "device-number", "network-card", "interface-id", associationsName} {
				a.Bodies[dir+key] = []byte(addresses)
			}
			for _, key := range []string{"subnet-ipv4-cidr-block", "subnet-ipv6-cidr-blocks", "ipv4-prefix", "ipv6-prefix"} {
				a.Bodies[dir+key] = []byte(subnets)
			}
		}
		m, err := Parse(a)
		if err != nil {
			return
		}
		for _, nic := range m.NICs {
			assert.Len(t, nic.MAC, 17)
			for _, address := range nic.Addresses {
				assert.True(t, address.Addr.IsGlobalUnicast())
			}
			assert.False(t, len(nic.Missing) == 0 && len(nic.Addresses) == 0, "neither an address nor a reason")
		}
	})
}
