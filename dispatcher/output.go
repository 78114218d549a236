package dispatcher

import (
	"errors"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// maxOutput is how much of a script's output is kept, in bytes.
const maxOutput = 4 << 10

// tail keeps the end of what is written to it.
type tail struct {
	kept  []byte
	total int64
}

func (t *tail) Write(p []byte) (int, error) {
	t.total += int64(len(p))
	if over := len(p) - maxOutput; over > 0 {
		t.kept = append(t.kept[:0], p[over:]...)
		return len(p), nil
	}
	if over := len(t.kept) + len(p) - maxOutput; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	t.kept = append(t.kept, p...)
	return len(p), nil
}

// String returns the end as valid UTF-8, of at most maxOutput bytes: "?" is no
// longer than what it replaces, as U+FFFD would be.
func (t *tail) String() string {
	kept := t.kept
	if t.total > int64(len(kept)) { // the cut may have gone through a character
		for i := 0; i < utf8.UTFMax-1 && len(kept) > 0 && !utf8.RuneStart(kept[0]); i++ {
			kept = kept[1:]
		}
	}
	return strings.ToValidUTF8(string(kept), "?")
}

// capture reads a script's output, so that the script never blocks on it.
type capture struct {
	tail tail
	pipe *os.File
	read chan struct{} // closed when the reader has left tail and pipe to us
}

// newCapture returns a capture and the end of its pipe that the script gets.
func newCapture() (*capture, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	c := &capture{pipe: r, read: make(chan struct{})}
	go func() {
		defer close(c.read)
		// Ends at the end of the pipe, or at the deadline that finish sets.
		_, _ = io.CopyBuffer(onlyWriter{&c.tail}, onlyReader{r}, make([]byte, 32<<10))
	}()
	return c, w, nil
}

// onlyReader and onlyWriter hide the methods by which io.CopyBuffer would pass
// over its buffer and allocate another.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// finish ends the capture of a script that has ended. It takes what the script
// left in the pipe, without waiting for its end: a process that the script
// started may hold the other end for ever. It returns the pipe if one does.
func (c *capture) finish() (open *os.File) {
	_ = c.pipe.SetReadDeadline(time.Unix(1, 0))
	<-c.read
	_ = c.pipe.SetReadDeadline(time.Time{})
	if c.takeRest() {
		c.pipe.Close()
		return nil
	}
	return c.pipe
}

// takeRest reads what is in the pipe now, and reports whether its end was met.
// The script's own output lies within the pipe's capacity; a process that goes
// on writing behind it must not keep us here.
func (c *capture) takeRest() (ended bool) {
	conn, err := c.pipe.SyscallConn()
	if err != nil {
		return true
	}
	err = conn.Read(func(fd uintptr) bool {
		left, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0)
		buf := make([]byte, 32<<10)
		for err == nil && left > 0 {
			var n int
			n, err = unix.Read(int(fd), buf[:min(left, len(buf))])
			if errors.Is(err, unix.EINTR) {
				err = nil
				continue
			}
			if ended = err == nil && n == 0; ended {
				break
			}
			_, _ = c.tail.Write(buf[:max(n, 0)])
			left -= max(n, 0)
		}
		return true // never wait for more
	})
	return ended || err != nil
}
