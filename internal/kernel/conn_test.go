package kernel

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/vishvananda/netlink"
)

func TestRetryDump(t *testing.T) {
	errOther := errors.New("no")
	interrupted := fmt.Errorf("dumping: %w", netlink.ErrDumpInterrupted)
	tests := []struct {
		name     string
		answers  []error // of each dump in turn; the last one is repeated
		dumps    int
		complete bool
		err      error
	}{
		{"at once", []error{nil}, 1, true, nil},
		{"interrupted twice", []error{interrupted, interrupted, nil}, 3, true, nil},
		{"interrupted each time", []error{interrupted}, dumpTries, false, nil},
		{"another error", []error{errOther}, 1, false, errOther},
		{"another error later", []error{interrupted, errOther}, 2, false, errOther},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dumps := 0
			complete, err := retryDump(t.Context(), func() error {
				dumps++
				return tt.answers[min(dumps, len(tt.answers))-1]
			})
			assert.Equal(t, tt.dumps, dumps)
			assert.Equal(t, tt.complete, complete)
			assert.Equal(t, tt.err, err)
		})
	}

	t.Run("cancelled between dumps", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		dumps := 0
		_, err := retryDump(ctx, func() error {
			dumps++
			cancel()
			return interrupted
		})
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, dumps)
	})
}
