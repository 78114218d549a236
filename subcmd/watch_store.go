package subcmd

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/watch"
	"github.com/netbrk/netbrk/state"
)

// unsavedMost is how far a watcher goes on counting from the highest number that is
// on record: more than the events that one can have made since that record was saved.
// Of one that was killed then nothing else need be left, since its events may have been
// handled, and the record of their link removed.
const unsavedMost = 1 << 20

// store is where events and records go.
type store struct {
	sink    watch.Sink
	records watch.Records
	saved   map[int]watch.Record
	pending []hostnet.Event
	rules   *state.RulesPending // nil where nothing is spooled
	close   func()
}

// open opens the spool and the records; with --dispatch=none nothing is
// written anywhere, and there is nothing to compare the present with.
func (d *daemonRun) open() (*store, error) {
	if d.dispatch == dispatchNone {
		return &store{sink: &numbering{}, records: forgetful{}, close: func() {}}, nil
	}
	root := d.global.stateDir
	lock, err := state.LockWatch(root)
	switch {
	case errors.Is(err, state.ErrLocked):
		return nil, withHint(fmt.Errorf("another netbrk watch keeps its state in %q", root), "stop it, or use --state-dir DIR")
	case errors.Is(err, os.ErrPermission):
		return nil, withHint(err, "run it as root, or with --state-dir DIR, or look on with --dispatch=none --print")
	case err != nil:
		return nil, err
	}
	spool, pending, err := state.OpenSpool(root)
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	links, err := state.OpenLinks(root)
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	records, err := links.Load()
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	saved := make(map[int]watch.Record, len(records))
	for index, r := range records {
		spool.Resume(r.Seq + unsavedMost)
		saved[index] = fromRecord(r)
	}
	// A run that is killed before it saves anything else leaves this to go on from.
	host := records[0]
	host.Seq = spool.Seq()
	if err := links.Save(host); err != nil {
		lock.Unlock()
		return nil, err
	}
	rules, err := state.OpenRulesPending(root)
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	return &store{
		rules: rules,
		sink:  spool, records: &recordKeeper{links, spool}, saved: saved, pending: pending,
		close: lock.Unlock,
	}, nil
}

// numbering stands for a spool where there is none.
type numbering struct{ seq uint64 }

func (n *numbering) Number(ev hostnet.Event) hostnet.Event {
	n.seq++
	ev.Seq, ev.ID = n.seq, fmt.Sprintf("%d-%d", os.Getpid(), n.seq)
	return ev
}

func (n *numbering) Put(ev hostnet.Event) (hostnet.Event, error) { return ev, nil }

// forgetful keeps no records.
type forgetful struct{}

func (forgetful) Save(watch.Record) error { return nil }
func (forgetful) Remove(int) error        { return nil }

// recordKeeper keeps records as files, with the spool's sequence number.
type recordKeeper struct {
	links *state.Links
	spool *state.Spool
}

func (k *recordKeeper) Save(r watch.Record) error {
	return k.links.Save(state.LinkRecord{
		Index: r.Index, Name: r.Name, States: r.States, Lease: r.Lease, Telling: r.Telling, Seq: k.spool.Seq(),
		Addresses: state.SetDigest(r.Addresses), Routes: state.SetDigest(r.Routes), Rules: state.SetDigest(r.Rules),
	})
}

func (k *recordKeeper) Remove(index int) error { return k.links.Remove(index) }

func fromRecord(r state.LinkRecord) watch.Record {
	return watch.Record{
		Index: r.Index, Name: r.Name, States: r.States, Lease: r.Lease, Telling: honest(r),
		Addresses: watch.Digest(r.Addresses), Routes: watch.Digest(r.Routes), Rules: watch.Digest(r.Rules),
	}
}

// honest returns the events of a record that the watcher can have made.
func honest(r state.LinkRecord) []hostnet.Event {
	return slices.DeleteFunc(r.Telling, func(ev hostnet.Event) bool {
		return ev.Index != r.Index || ev.Seq == 0 || ev.Validate() != nil
	})
}
