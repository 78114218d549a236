package subcmd

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// screen keeps what is written to a terminal.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// last is what is on the line that the cursor is on.
func (s *screen) last() string {
	text := s.text()
	return text[strings.LastIndexAny(text, "\n\r")+1:]
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		p := newProgress(&s, "asking", true)
		<-time.After(progressAfter - time.Millisecond)
		synctest.Wait()
		assert.Empty(t, s.last(), "a quick run shows nothing")
		<-time.After(2500 * time.Millisecond)
		synctest.Wait()
		assert.Regexp(t, `^\x1b\[K[-|/\\] asking, 3 s$`, s.last())

		_, err := p.Write([]byte("level=WARN\n"))
		require.NoError(t, err)
		assert.Contains(t, s.text(), clearLine+"level=WARN\n", "the line gives way")
		<-time.After(time.Second)
		synctest.Wait()
		assert.Contains(t, s.last(), "asking, 4 s", "and comes back")

		p.end()
		p.end()
		assert.Equal(t, "\x1b[K", s.last())
		<-time.After(time.Minute)
		assert.Equal(t, "\x1b[K", s.last(), "it is over")
	})
	(*progress)(nil).end()
}

func TestProgressIsForTerminals(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out}
	assert.Nil(t, a.startProgress("asking"))
	assert.Same(t, &out, a.stderr)

	terminal, _ := newTerminal(t)
	a = &app{stderr: terminal}
	p := a.startProgress("asking")
	require.NotNil(t, p)
	defer p.end()
	assert.Same(t, p, a.stderr)
}
