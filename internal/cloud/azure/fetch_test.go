package azure

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
)

func TestFetch(t *testing.T) {
	document := string(cloudtest.Documents(t, ".json")["two-nics"])
	for _, tt := range []struct {
		name   string
		getter *cloudtest.Getter
		asked  []string
		err    error
	}{
		{"one request", &cloudtest.Getter{Bodies: map[string]string{current: document}}, []string{current}, nil},
		{"Azure Stack", &cloudtest.Getter{
			Bodies: map[string]string{older: document}, Errs: map[string]error{current: cloud.ErrRefused},
		}, []string{older, current}, nil},
		{"not ready", (&cloudtest.Getter{}).Failing(current, cloud.ErrNotReady), []string{current}, cloud.ErrNotReady},
		{"absent", &cloudtest.Getter{}, []string{current}, cloud.ErrAbsent},
		{"refused", &cloudtest.Getter{Errs: map[string]error{current: cloud.ErrRefused, older: cloud.ErrRefused}}, []string{older, current}, cloud.ErrRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Provider{}.Fetch(t.Context(), tt.getter)
			assert.Equal(t, tt.asked, tt.getter.Asked())
			if tt.err != nil {
				assert.ErrorIs(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Len(t, m.NICs, 2)
		})
	}
}
