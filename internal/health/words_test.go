package health

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		of   time.Duration
		want string
	}{
		{0, "0 ms"}, {1500 * time.Microsecond, "2 ms"}, {999500 * time.Microsecond, "1000 ms"}, {59 * time.Second, "59 s"}, {time.Minute, "1 min"}, {61 * time.Second, "1 min 1 s"},
		{3*time.Hour + 59*time.Minute, "3 h 59 min"}, {47 * time.Hour, "47 h"}, {50 * time.Hour, "2 d 2 h"}, {-time.Minute, "-1 min"},
	} {
		assert.Equal(t, tt.want, Duration(tt.of))
	}
}
