package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// The limits, as netbrk(1) tells them.
const (
	maxConnections = 32 // on each address
	maxHeader      = 8 << 10
	headerTime     = 5 * time.Second  // for the header of a request to come
	requestTime    = 10 * time.Second // for a whole request
	// writeTime is for the answer, from the end of the header on.
	writeTime = answerTime + 5*time.Second
	keepTime  = 10 * time.Second // between two requests of a connection
	// leaveTime is for what is being answered when the end comes.
	leaveTime = 5 * time.Second

	// slop is what net/http reads beyond MaxHeaderBytes, server.go,
	// initialReadLimitSize.
	slop = 4 << 10
)

// Options say what is served, and how long.
type Options struct {
	Source Source
	Log    *slog.Logger
	// Idle is how long to stay without a connection, 0 for ever.
	Idle time.Duration
}

// Serve answers on the listeners, and closes them, until ctx ends, one of them
// fails, or nobody has been connected for Options.Idle. A connection that comes at
// that moment is answered before it returns; those after it are the next
// process's.
func Serve(ctx context.Context, listeners []net.Listener, o Options) error {
	i := newIdle(o.Idle)
	server := newServer(o, i)
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		if !isLoopback(l.Addr()) {
			o.Log.Warn("others than this host can reach the address, and are answered if they ask for localhost", "address", l.Addr().String())
		}
		go func() {
			err := server.Serve(netutil.LimitListener(l, maxConnections))
			ended <- fmt.Errorf("serving %s: %w", l.Addr(), err)
		}()
	}
	var err error
	running := len(listeners)
	select {
	case err = <-ended:
		running--
	case <-ctx.Done():
	case <-i.over:
		o.Log.Debug("idle", "for", o.Idle)
	}
	server.SetKeepAlivesEnabled(false) // before the last ones come: they are told that this is the end
	for _, l := range listeners {
		_ = l.Close() // it is the process's end, and systemd has the socket
	}
	for range running {
		<-ended // of the closed listener, and of no interest
	}
	leave(server, i)
	return err
}

func newServer(o Options, i *idle) *http.Server {
	server := &http.Server{
		Handler:           newHandler(o.Source, o.Log),
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       requestTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       keepTime,
		MaxHeaderBytes:    maxHeader - slop,
		ConnState:         i.watch,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		// "OPTIONS *" is refused like any other.
		DisableGeneralOptionsHandler: true,
		Protocols:                    new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	return server
}

// leave answers those who are connected, for a while. Shutdown would not do: it
// drops a connection that was accepted and whose request is not read yet.
func leave(server *http.Server, i *idle) {
	timer := time.NewTimer(leaveTime)
	defer timer.Stop()
	select {
	case <-i.drained():
	case <-timer.C:
	}
	_ = server.Close() // the listener is closed, and who is left had time enough
}
