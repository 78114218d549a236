package e2e

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// Trace is what the kernel told of a machine's network, from a moment on. It
// begins with what was there at that moment.
type Trace struct {
	socket *os.File
	done   chan struct{}

	mu      sync.Mutex
	notices []Notice
	err     error // of the reader, once it has ended
}

// Trace begins to record. Close ends it.
func (m *Machine) Trace() (*Trace, error) {
	socket, err := m.openNet()
	if err != nil {
		return nil, fmt.Errorf("tracing the machine's network: %w", err)
	}
	t := &Trace{socket: socket, done: make(chan struct{})}
	if t.notices, err = dump(socket); err != nil {
		return nil, errors.Join(fmt.Errorf("tracing the machine's network: %w", err), socket.Close())
	}
	go t.read()
	return t, nil
}

func (t *Trace) read() {
	defer close(t.done)
	buffer := make([]byte, datagramSize)
	for {
		n, err := t.socket.Read(buffer)
		var found []Notice
		if err == nil {
			found, _, _, err = notices(buffer[:n], time.Now())
		}
		t.mu.Lock()
		t.notices = append(t.notices, found...)
		if err != nil {
			t.err = err
		}
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Close ends the recording; what was recorded stays. It returns why the record
// is not complete, if it is not.
func (t *Trace) Close() error {
	if err := t.socket.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return err
	}
	<-t.done
	err := t.socket.Close()
	if !errors.Is(t.err, os.ErrDeadlineExceeded) {
		return errors.Join(fmt.Errorf("tracing the machine's network: %w", t.err), err)
	}
	return err
}

// Notices returns what was recorded so far.
func (t *Trace) Notices() []Notice {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.notices)
}

// Own returns what netbrk's own rules and routes met with, in the notices from
// the given one on.
func (t *Trace) Own(from int) []Notice {
	own := t.Notices()[from:]
	return slices.DeleteFunc(own, func(n Notice) bool { return !n.Own() })
}
