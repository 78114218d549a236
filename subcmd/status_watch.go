package subcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

const (
	// settleStatus is how long changes are gathered, and the least time between two
	// looks: on a busy router the kernel never falls silent.
	settleStatus = 500 * time.Millisecond
	// unasked is how often it is looked without a sign: nothing tells of a script
	// whose mode was changed, a unit that was stopped, or time that goes by.
	unasked = 10 * time.Second
)

// watch prints the document, and again whenever it differs, until it is told to
// end.
func (s statusRun) watch(ctx context.Context) error {
	changes, stop, err := s.changes(ctx)
	if err != nil {
		return err
	}
	defer stop()
	_, terminal := terminalOf(s.stdout)
	last, tick := "", time.NewTicker(unasked)
	defer tick.Stop()
	for {
		doc, err := s.look(ctx)
		if ctx.Err() != nil {
			return nil // it was told to
		}
		if err != nil {
			return err
		}
		// On a terminal the ages go on.
		if now := fingerprint(doc); terminal && !s.asJSON || now != last {
			last = now
			if terminal && !s.asJSON {
				fmt.Fprint(s.stdout, "\x1b[H\x1b[2J")
			}
			if err := s.print(doc); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		case <-tick.C:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settleStatus):
		}
	}
}

// changes returns what delivers a value when the kernel or the state changed.
func (s statusRun) changes(ctx context.Context) (<-chan struct{}, func(), error) {
	monitor, err := kernel.OpenMonitor()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	poke := make(chan struct{}, 1)
	wake := func() {
		select {
		case poke <- struct{}{}:
		default:
		}
	}
	files, err := state.WatchState(ctx, s.global.stateDir, wake)
	if err != nil {
		cancel()
		return nil, nil, errors.Join(err, monitor.Close())
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-monitor.Readable():
			}
			monitor.Discard()
			wake()
			monitor.Rearm()
		}
	}()
	return poke, func() { cancel(); _ = files(); _ = monitor.Close() }, nil
}

// fingerprint is what differs between two documents that are worth printing.
func fingerprint(doc report.Status) string {
	doc.Time = time.Time{}
	if doc.Watcher != nil {
		w := *doc.Watcher
		w.Oldest, w.Spools = 0, append([]report.SpoolStatus{}, w.Spools...)
		for i := range w.Spools {
			w.Spools[i].Oldest = 0
		}
		doc.Watcher = &w
	}
	if doc.Cloud != nil {
		c := *doc.Cloud
		c.Next = time.Time{} // by a clock that drifts
		doc.Cloud = &c
	}
	text, _ := json.Marshal(doc)
	return string(text)
}
