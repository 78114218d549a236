package systembus

import (
	"context"
	"sync"
)

// Lazy is a connection for an oneshot that may have nothing to ask. The zero value
// is ready: it connects when it is first asked for, and again after the bus went
// away. Several goroutines may ask at once.
type Lazy struct {
	mu   sync.Mutex
	conn *Conn
}

// Get returns the connection. It outlives ctx, which only limits how long the bus is
// waited for.
func (l *Lazy) Get(ctx context.Context) (*Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil && l.conn.Connected() {
		return l.conn, nil
	}
	l.drop()
	conn, err := DialFor(ctx)
	if err != nil {
		return nil, err
	}
	l.conn = conn
	return conn, nil
}

// Close ends the connection, if there is one.
func (l *Lazy) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}

func (l *Lazy) drop() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}
