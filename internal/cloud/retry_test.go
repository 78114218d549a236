package cloud

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestRetryAfter: a date is by the clock of the service, which may differ from ours by
// years while ours is not set.
func TestRetryAfter(t *testing.T) {
	const date = "Sat, 28 Nov 2026 10:00:00 GMT"
	for _, tt := range []struct {
		name, after, date string
		want              time.Duration
		ok                bool
	}{
		{"seconds", "7", date, 7 * time.Second, true},
		{"a date", "Sat, 28 Nov 2026 10:00:09 GMT", date, 9 * time.Second, true},
		{"a date that has passed", "Sat, 28 Nov 2026 09:00:00 GMT", date, 0, true},
		{"a date, and nobody says what is now", "Thu, 01 Jan 1970 00:00:00 GMT", "", 0, true},
		{"nothing", "", date, 0, false},
		{"neither", "soon", date, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response := &http.Response{Header: http.Header{"Retry-After": {tt.after}, "Date": {tt.date}}}
			got, ok := retryAfter(response)
			assert.Equal(t, tt.ok, ok)
			if ok {
				assert.Equal(t, tt.want, got)
			}
		})
	}
	_, ok := retryAfter(nil)
	assert.False(t, ok)
}
