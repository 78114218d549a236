package subcmd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRestAfter(t *testing.T) {
	assert.Zero(t, restAfter(longPass-1, 0), "whoever takes rules away has them back at once")
	assert.Equal(t, 4*time.Second, restAfter(time.Second, 0), "a pass for nothing")
	assert.Zero(t, restAfter(time.Second, 1), "there may be more to mend")
}
