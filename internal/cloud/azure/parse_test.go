package azure

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
)

func TestParse(t *testing.T) { cloudtest.Golden(t, ".json", Parse) }

// customData and userData are in the document, and in nothing that is made of it.
func TestParseKeepsNoUserData(t *testing.T) {
	raw := cloudtest.Documents(t, ".json")["two-nics"]
	require.Contains(t, string(raw), "c2VjcmV0")
	m, err := Parse(raw)
	require.NoError(t, err)
	text, err := json.Marshal(m)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "c2VjcmV0")
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", cloud.ErrRefused},
		{"cut", `{"network":{"interface":[{"macAddress":"00224805AB01"`, cloud.ErrRefused},
		{"HTML", "<html>", cloud.ErrRefused},
		{"another document", `{"error":"Bad request"}`, cloud.ErrNotReady},
		{"no network", `{"compute":{"name":"vm1"}}`, cloud.ErrNotReady},
		{"no NIC", `{"network":{"interface":[]}}`, cloud.ErrNotReady},
		{"null", `{"network":{"interface":null}}`, cloud.ErrNotReady},
		{"of another kind", `{"network":{"interface":"eth0"}}`, cloud.ErrNotReady},
		{"no NIC that can be matched", `{"network":{"interface":[{"macAddress":""}]}}`, cloud.ErrNotReady},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.text))
			assert.ErrorIs(t, err, tt.want)
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
