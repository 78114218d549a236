package imdstest

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Serve answers on a listener until it is closed.
func (s *Server) Serve(listener net.Listener) error {
	server := &http.Server{Handler: s}
	return server.Serve(listener)
}

// Pipe is a network of one server, in memory: in a bubble of testing/synctest
// no time passes while its two ends talk.
type Pipe struct {
	listener *pipeListener
	server   *http.Server
}

// Pipe starts to serve in memory.
func (s *Server) Pipe() *Pipe {
	p := &Pipe{
		listener: &pipeListener{accept: make(chan net.Conn), closed: make(chan struct{})},
		server:   &http.Server{Handler: s},
	}
	go func() { _ = p.server.Serve(p.listener) }() // until Close
	return p
}

// Close ends the server and its connections.
func (p *Pipe) Close() error { return p.server.Close() }

// Dial is for cloud.Options.
func (p *Pipe) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.listener.accept <- theirs:
		return ours, nil
	case <-p.listener.closed:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: ctx.Err()}
	}
}

type pipeListener struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.accept:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
