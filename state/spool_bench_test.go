package state

import (
	"log/slog"
	"testing"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// BenchmarkSpool has a transition go through the spool as it does between the two
// processes: written, listed, read, removed.
func BenchmarkSpool(b *testing.B) {
	root := b.TempDir()
	s, _, err := OpenSpool(root)
	if err != nil {
		b.Fatal(err)
	}
	q, err := OpenQueue(root, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	b.ReportAllocs()
	for b.Loop() {
		want, err := s.Put(stateEvent(3, "routable", "carrier"))
		if err != nil {
			b.Fatal(err)
		}
		pending, err := q.List()
		if err != nil || len(pending) != 1 {
			b.Fatal(pending, err)
		}
		if ev, err := q.Read(pending[0]); err != nil || ev.ID != want.ID {
			b.Fatal(ev, err)
		}
		if err := q.Done(pending[0].Name); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSpoolLevel puts changes of one link's addresses, each of which takes in
// the one that waits.
func BenchmarkSpoolLevel(b *testing.B) {
	s, _, err := OpenSpool(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Put(levelEvent(hostnet.KindAddresses, 3, hostnet.ActionAdded)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQueueList lists a spool in which 1,000 links have two transitions each.
func BenchmarkQueueList(b *testing.B) {
	const links = 1000
	root := b.TempDir()
	s, _, err := OpenSpool(root)
	if err != nil {
		b.Fatal(err)
	}
	for index := 1; index <= links; index++ {
		for _, state := range []string{"no-carrier", "carrier"} {
			if _, err := s.Put(stateEvent(index, state, "off")); err != nil {
				b.Fatal(err)
			}
		}
	}
	q, err := OpenQueue(root, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	b.ReportAllocs()
	for b.Loop() {
		if pending, err := q.List(); err != nil || len(pending) != 2*links {
			b.Fatal(len(pending), err)
		}
	}
}
