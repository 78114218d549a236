package subcmd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/report"
)

// TestMissingForHasNoTimeOfDay: a NIC is not taken for gone because the clock was set,
// and is, in the end, though it was.
func TestMissingForHasNoTimeOfDay(t *testing.T) {
	const mac = "02:00:00:00:00:01"
	up := upSeconds()
	for _, tt := range []struct {
		name    string
		since   time.Time
		sinceUp float64
		want    time.Duration
	}{
		{"never before", time.Time{}, 0, 0},
		{"a second ago, and the clock was set ahead", time.Now().Add(-365 * 24 * time.Hour), up - 1, time.Second},
		{"a minute ago, and the clock was set back", time.Now().Add(24 * time.Hour), up - 60, time.Minute},
		{"in another boot", time.Now().Add(-time.Hour), up + 3600, 0},
		{"by an older netbrk", time.Now().Add(-time.Hour), 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := cloudRun{missing: map[string]time.Time{}, missingUp: map[string]float64{}}
			s.last = report.CloudSync{Missing: map[string]time.Time{mac: tt.since}, MissingUp: map[string]float64{mac: tt.sinceUp}}
			if tt.since.IsZero() {
				s.last = report.CloudSync{}
			}
			got := s.missingFor(mac)
			assert.GreaterOrEqual(t, got, tt.want-time.Millisecond)
			assert.Less(t, got, tt.want+20*time.Second, "but what the test takes")
			assert.False(t, s.missing[mac].IsZero())
			assert.NotZero(t, s.missingUp[mac])
		})
	}
}
