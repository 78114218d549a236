package subcmd

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// progressAfter is how long somebody at a terminal sees nothing; most runs end before.
	progressAfter = time.Second
	// progressFrame is how long the line stays as it is.
	progressFrame = 100 * time.Millisecond
	// clearLine is ECMA-48's: to the first column, and erase to the end.
	clearLine = "\r\x1b[K"
)

// progress is a line at a terminal that says what a run is at, and for how long.
// What else is written there goes through it, so that the two do not mix.
type progress struct {
	out   io.Writer
	what  string
	plain bool
	began time.Time

	mu    sync.Mutex
	shown bool
	once  sync.Once
	stop  chan struct{}
	ended chan struct{}
}

// startProgress begins to show what is being done where stderr is a terminal, and
// elsewhere returns nil, which is as good. Until it is stopped a.stderr goes through
// it, so it comes before a log is made.
func (a *app) startProgress(what string) *progress {
	if _, terminal := terminalOf(a.stderr); !terminal {
		return nil
	}
	p := newProgress(a.stderr, what, displayOptions(a.stderr).Plain)
	a.stderr = p
	return p
}

func newProgress(out io.Writer, what string, plain bool) *progress {
	p := &progress{out: out, what: what, plain: plain, began: time.Now(), stop: make(chan struct{}), ended: make(chan struct{})}
	go p.run()
	return p
}

func (p *progress) run() {
	defer close(p.ended)
	wait := time.NewTimer(progressAfter)
	defer wait.Stop()
	for n := 0; ; n++ {
		select {
		case <-p.stop:
			return
		case <-wait.C:
		}
		p.draw(n)
		wait.Reset(progressFrame)
	}
}

func (p *progress) draw(n int) {
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	if p.plain {
		frames = []rune(`|/-\`)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = true
	fmt.Fprintf(p.out, "%s%c %s, %d s", clearLine, frames[n%len(frames)], p.what, int(time.Since(p.began).Seconds()))
}

// Write writes past the line, which is drawn anew after it.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.clear(); err != nil {
		return 0, err
	}
	return p.out.Write(text)
}

func (p *progress) clear() error {
	if !p.shown {
		return nil
	}
	p.shown = false
	_, err := io.WriteString(p.out, clearLine)
	return err
}

// end takes the line away. It may be called twice.
func (p *progress) end() {
	if p == nil {
		return
	}
	p.once.Do(func() {
		close(p.stop)
		<-p.ended
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.clear()
	})
}
