package oracle

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func parse(raw []byte) (hostnet.Metadata, error) { return Parse(cloudtest.Answers(raw)) }

func TestParse(t *testing.T) { cloudtest.Golden(t, ".txt", parse) }

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", cloud.ErrRefused},
		{"cut", `[{"macAddr":"02:00:17:00:AA:01"`, cloud.ErrRefused},
		{"a page", "<html>", cloud.ErrRefused},
		{"no NIC", "[]", cloud.ErrNotReady},
		{"of another kind", `{"code":"NotFound"}`, cloud.ErrNotReady},
		{"no NIC that can be matched", `[{"macAddr":"<null>"}]`, cloud.ErrNotReady},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(cloud.Answers{Bodies: map[string][]byte{nicsKey: []byte(tt.text)}})
			assert.ErrorIs(t, err, tt.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range cloudtest.Documents(f, ".txt") {
		a := cloudtest.Answers(raw)
		f.Add(a.Bodies[nicsKey], a.Bodies[sshKeysKey])
	}
	f.Fuzz(func(t *testing.T, nics, fact []byte) {
		a := cloud.Answers{Bodies: map[string][]byte{nicsKey: nics}}
		for _, key := range factKeys() {
			a.Bodies[key] = fact
		}
		if m, err := Parse(a); err == nil {
			cloudtest.Check(t, m)
		}
	})
}
