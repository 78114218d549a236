package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const deb822 = `Types: deb deb-src
# a mirror nearby
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 Comment: URIs: http://wrong.example/

types: deb
uris: http://mirror.example/debian-security
suites: bookworm-security
components: main

Types: deb
Enabled: no
URIs: http://disabled.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://other.example/apt
Suites: stable
Components: main
`

const oneLine = `# deb http://comment.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib # near
deb   [arch=amd64 signed-by=/etc/key.gpg]   http://mirror.example/debian-security   bookworm-security main
deb-src http://source.example/debian bookworm main
deb http://other.example/debian bookworm contrib
deb http://short.example/debian bookworm
deb [broken
`

func TestForSuite(t *testing.T) {
	const signed = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
	for _, test := range []struct {
		name    string
		sources []aptSource
		want    []string
	}{
		{"deb822", parseDeb822(deb822), []string{
			signed + "http://mirror.example/debian trixie main",
			signed + "http://mirror.example/debian trixie-updates main",
			signed + "http://mirror.example/debian-security trixie-security main",
		}},
		{"one line", parseOneLine(oneLine), []string{
			signed + "http://mirror.example/debian trixie main",
			signed + "http://mirror.example/debian-security trixie-security main",
		}},
		{"nothing", parseDeb822(""), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, forSuite(test.sources, "bookworm", "trixie"))
		})
	}
}

func TestKeyValues(t *testing.T) {
	got := keyValues("# This is private data.\nADMIN_STATE=configured\nDNS=\"\"\n\nNAME='a b'\nno value\nX=a=b")
	assert.Equal(t, map[string]string{"ADMIN_STATE": "configured", "DNS": "", "NAME": "a b", "X": "a=b"}, got)
}

func FuzzSources(f *testing.F) {
	f.Add(deb822)
	f.Add(oneLine)
	f.Fuzz(func(t *testing.T, text string) {
		for _, sources := range [][]aptSource{parseDeb822(text), parseOneLine(text)} {
			for _, s := range sources {
				assert.NotContains(t, s.uri+s.suite, " ")
			}
			for _, entry := range forSuite(sources, "bookworm", "trixie") {
				// One entry is one line, or mmdebstrap would take more from it.
				assert.Len(t, strings.Fields(entry), 5)
				assert.NotContains(t, entry, "\n")
			}
		}
	})
}
