package dispatcher

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestResultReason(t *testing.T) {
	tests := []struct {
		result Result
		want   string
	}{
		{Result{ExitStatus: exit(3)}, "exit status 3"},
		{Result{Signal: "SIGKILL"}, "ended by SIGKILL"},
		{Result{Signal: "SIGKILL", TimedOut: true}, "ended after its timeout"},
		{Result{Error: `starting "/x": exec format error`}, `starting "/x": exec format error`},
		{Result{}, "did not start"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, tt.result.Reason())
		assert.True(t, tt.result.Failed())
	}
}
