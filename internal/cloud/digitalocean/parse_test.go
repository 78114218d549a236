package digitalocean

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
)

func TestGolden(t *testing.T) { cloudtest.Golden(t, ".json", Parse) }

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"no JSON", "<html>", cloud.ErrRefused},
		{"cut", `{"droplet_id":1,"interfaces":{"public":[{"mac":"04:01:2a:`, cloud.ErrRefused},
		{"a list", `[]`, cloud.ErrRefused},
		{"interfaces of another kind", `{"interfaces":{"public":"none"}}`, cloud.ErrRefused},
		{"no interfaces", `{"droplet_id":1}`, cloud.ErrNotReady},
		{"no NIC", `{"interfaces":{"public":[],"private":[]}}`, cloud.ErrNotReady},
		{"no NIC with a MAC", `{"interfaces":{"public":[{}]}}`, cloud.ErrNotReady},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse([]byte(tt.text))
			assert.ErrorIs(t, err, tt.want)
			assert.Empty(t, m.NICs)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range cloudtest.Documents(f, ".json") {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := Parse(raw); err == nil {
			cloudtest.Check(t, m)
		}
	})
}
