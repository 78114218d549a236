package dispatcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// journal is what handlers did, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func onLink(seq uint64, index int) hostnet.Event {
	return hostnet.Event{Seq: seq, Kind: hostnet.KindState, Index: index}
}

func options(workers int) DrainOptions {
	return DrainOptions{Workers: workers, Linger: 2 * time.Second, Log: slog.New(slog.DiscardHandler)}
}

func TestDrainKeepsOrderPerLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFakeQueue(t,
			onLink(4, 1), onLink(1, 1), onLink(2, 2), onLink(3, 1),
			hostnet.Event{Seq: 5, Kind: hostnet.KindAddresses, Index: 1}, // another kind, the same link
			hostnet.Event{Seq: 6, Kind: hostnet.KindManager},
			hostnet.Event{Seq: 8, Kind: hostnet.KindManager},
			hostnet.Event{Seq: 7, Kind: hostnet.KindRules},
		)
		var j journal
		err := Drain(t.Context(), q, options(10), func(_ context.Context, e hostnet.Event) bool {
			j.add("begin %d", e.Seq)
			<-time.After(time.Duration(10-e.Seq) * time.Second) // later ones are quicker
			j.add("end %d", e.Seq)
			return true
		})
		require.NoError(t, err)
		assert.Empty(t, q.left())
		for _, lane := range [][]int{{1, 3, 4, 5}, {2}, {6, 8}, {7}} {
			var want, got []string
			for _, seq := range lane {
				want = append(want, fmt.Sprintf("begin %d", seq), fmt.Sprintf("end %d", seq))
			}
			for _, line := range j.all() {
				if slices.Contains(want, line) {
					got = append(got, line)
				}
			}
			assert.Equal(t, want, got)
		}
		begins := j.all()[:4]
		slices.Sort(begins)
		assert.Equal(t, []string{"begin 1", "begin 2", "begin 6", "begin 7"}, begins, "lanes stand side by side")
	})
}

func TestDrainHangingHookDelaysNoOtherLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFakeQueue(t, onLink(1, 1))
		hang, second := make(chan struct{}), make(chan struct{})
		go func() {
			synctest.Wait() // the script of link 1 hangs
			q.add(onLink(2, 1))
			q.add(onLink(3, 2))
			<-second
			close(hang)
		}()
		var j journal
		err := Drain(t.Context(), q, options(2), func(_ context.Context, e hostnet.Event) bool {
			j.add("%d", e.Seq)
			switch e.Seq {
			case 1:
				<-hang
			case 3:
				close(second)
			}
			return true
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"1", "3", "2"}, j.all())
		assert.Empty(t, q.left())
	})
}

func TestDrainLingersFromTheLastEndOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFakeQueue(t, onLink(1, 1))
		began := time.Now()
		go func() { // 1 s before the drain would end: another one, of 3 s
			<-time.After(4 * time.Second)
			q.add(onLink(2, 1))
		}()
		err := Drain(t.Context(), q, options(1), func(context.Context, hostnet.Event) bool {
			<-time.After(3 * time.Second)
			return true
		})
		require.NoError(t, err)
		assert.Equal(t, (4+3+2)*time.Second, time.Since(began))
		assert.Empty(t, q.left())
	})
}

func TestDrainOfAnEmptyQueueLingersToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		o := options(1)
		require.NoError(t, Drain(t.Context(), newFakeQueue(t), o, nil))
		assert.Equal(t, o.Linger, time.Since(began))
	})
}

func TestDrainKeepsWhatWasNotHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFakeQueue(t, onLink(1, 1), onLink(2, 1), onLink(3, 2))
		var j journal
		handler := func(_ context.Context, e hostnet.Event) bool {
			j.add("%d", e.Seq)
			if e.Seq == 1 && len(j.all()) == 1 {
				q.add(onLink(4, 2)) // has the queue listed again with event 1 in it
				return false
			}
			return true
		}
		require.NoError(t, Drain(t.Context(), q, options(1), handler))
		assert.Equal(t, []string{"1", "3", "4"}, j.all(), "2 must not overtake 1")
		assert.Equal(t, []string{"1-state-1", "2-state-1"}, q.left())

		require.NoError(t, Drain(t.Context(), q, options(1), handler))
		assert.Equal(t, []string{"1", "3", "4", "1", "2"}, j.all())
		assert.Empty(t, q.left())
	})
}

func TestDrainPassesByWhatWasMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFakeQueue(t, onLink(1, 1), onLink(2, 1), onLink(3, 1))
		var j journal
		err := Drain(t.Context(), q, options(1), func(_ context.Context, e hostnet.Event) bool {
			j.add("%d", e.Seq)
			if e.Seq == 1 {
				q.merge(onLink(2, 1))
				q.merge(onLink(1, 1)) // the one at work, too
				q.add(onLink(4, 1))
			}
			return true
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"1", "3", "4"}, j.all())
		assert.Empty(t, q.left())
	})
}

func TestDrainServesManyLinksInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const links, workers = 10_000, 4
		q := newFakeQueue(t)
		for i := range links {
			q.add(onLink(uint64(i+1), i+1))
		}
		for i := range 64 { // one link flaps: it must wait for its turn like others
			q.add(onLink(uint64(links+i+1), 1))
		}
		var mu sync.Mutex
		var busy, most int
		var order []int
		err := Drain(t.Context(), q, options(workers), func(_ context.Context, e hostnet.Event) bool {
			mu.Lock()
			busy++
			most = max(most, busy)
			order = append(order, e.Index)
			if len(order)%2 == 0 && len(order) <= links {
				q.add(hostnet.Event{Seq: 1e6 + uint64(len(order)), Kind: hostnet.KindAddresses, Index: e.Index})
			}
			mu.Unlock()
			<-time.After(time.Millisecond)
			mu.Lock()
			busy--
			mu.Unlock()
			return true
		})
		require.NoError(t, err)
		assert.Empty(t, q.left())
		assert.Len(t, order, links+64+links/2)
		assert.Equal(t, workers, most)
		assert.Len(t, slices.Compact(slices.Sorted(slices.Values(order[:links]))), links,
			"each link has its first turn before any has its second")
		// 5,000 were added one by one, within about 4 s: a listing for each of them
		// would be as many as that.
		assert.Less(t, q.lists, 100)
	})
}

// TestDrainListsALongQueueSeldom: while events keep coming, most of the time is left
// to those that wait.
func TestDrainListsALongQueueSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const links = 5_000
		q := newFakeQueue(t)
		q.slow = 50 * time.Millisecond
		for i := range links {
			q.add(onLink(uint64(i+1), i+1))
		}
		began, handled := time.Now(), 0
		require.NoError(t, Drain(t.Context(), q, options(1), func(_ context.Context, e hostnet.Event) bool {
			if handled++; handled <= links {
				q.add(hostnet.Event{Seq: 1e6 + uint64(handled), Kind: hostnet.KindAddresses, Index: e.Index})
			}
			<-time.After(time.Millisecond)
			return true
		}))
		assert.Equal(t, 2*links, handled)
		assert.Less(t, time.Duration(q.lists)*q.slow, time.Since(began)/5)
	})
}

func TestDrainEndsWithAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFakeQueue(t, onLink(1, 1), onLink(2, 1), onLink(3, 1))
		o := options(1)
		o.MaxAge = 15 * time.Second
		began := time.Now()
		err := Drain(t.Context(), q, o, func(context.Context, hostnet.Event) bool {
			<-time.After(10 * time.Second)
			return true
		})
		require.NoError(t, err)
		assert.Equal(t, 20*time.Second, time.Since(began), "what was begun is finished")
		assert.Equal(t, []string{"3-state-1"}, q.left())
	})
}

func TestDrainWaitsForHandlersWhenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFakeQueue(t, onLink(1, 1), onLink(2, 2), onLink(3, 3))
		ctx, cancel := context.WithCancel(t.Context())
		var j journal
		go func() {
			<-time.After(time.Second)
			cancel()
		}()
		err := Drain(ctx, q, options(2), func(ctx context.Context, e hostnet.Event) bool {
			<-ctx.Done()
			<-time.After(5 * time.Second) // the script's grace
			j.add("%d", e.Seq)
			return e.Seq == 1 // it had ended by itself just then
		})
		require.ErrorIs(t, err, context.Canceled)
		assert.ElementsMatch(t, []string{"1", "2"}, j.all())
		assert.Equal(t, []string{"2-state-2", "3-state-3"}, q.left())
	})
}

func TestDrainWithEntriesThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFakeQueue(t, onLink(1, 1), onLink(2, 1), onLink(3, 1), onLink(4, 2))
		stuck := errors.New("read-only file system")
		q.readErr = map[string]error{"1-state-1": fs.ErrNotExist} // refused, and not to be removed either
		q.doneErr = map[string]error{"2-state-1": stuck}
		var log bytes.Buffer
		o := options(1)
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		var j journal
		err := Drain(t.Context(), q, o, func(_ context.Context, e hostnet.Event) bool {
			j.add("%d", e.Seq)
			if e.Seq == 4 {
				q.add(onLink(5, 3)) // has the queue listed again
			}
			return true
		})
		require.ErrorIs(t, err, stuck)
		assert.ElementsMatch(t, []string{"2", "3", "4", "5"}, j.all(), "none twice, none held up")
		assert.Contains(t, log.String(), stuck.Error())
		assert.NotContains(t, log.String(), "1-state-1", "the queue has told of it")
	})
}

// TestDrainThatCannotRead: without files to open, say, an event stays, and no later one
// of its link overtakes it.
func TestDrainThatCannotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newFakeQueue(t, onLink(1, 1), onLink(2, 1), onLink(3, 2))
		q.readErr = map[string]error{"1-state-1": unix.EMFILE}
		var log bytes.Buffer
		o := options(1)
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		var j journal
		handler := func(_ context.Context, e hostnet.Event) bool {
			j.add("%d", e.Seq)
			return true
		}
		require.ErrorIs(t, Drain(t.Context(), q, o, handler), unix.EMFILE)
		assert.Equal(t, []string{"3"}, j.all())
		assert.Equal(t, []string{"1-state-1", "2-state-1"}, q.left())
		assert.Contains(t, log.String(), "entry=1-state-1")

		q.readErr = nil
		require.NoError(t, Drain(t.Context(), q, o, handler))
		assert.Equal(t, []string{"3", "1", "2"}, j.all())
		assert.Empty(t, q.left())
	})
}

func TestDrainWithoutItsQueue(t *testing.T) {
	gone := errors.New("no such directory")
	t.Run("listing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := newFakeQueue(t, onLink(1, 1))
			q.listErr = gone
			assert.ErrorIs(t, Drain(t.Context(), q, options(1), nil), gone)
		})
	})
	t.Run("listing again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := newFakeQueue(t, onLink(1, 1))
			err := Drain(t.Context(), q, options(1), func(context.Context, hostnet.Event) bool {
				q.mu.Lock()
				q.listErr = gone
				q.mu.Unlock()
				q.add(onLink(2, 1))
				return true
			})
			assert.ErrorIs(t, err, gone)
			assert.Equal(t, []string{"2-state-1"}, q.left())
		})
	})
	t.Run("waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := newFakeQueue(t, onLink(1, 1))
			q.added, q.waitErr = false, gone
			ended := false
			err := Drain(t.Context(), q, options(1), func(context.Context, hostnet.Event) bool {
				<-time.After(time.Hour)
				ended = true
				return true
			})
			require.ErrorIs(t, err, gone)
			assert.True(t, ended)
			assert.Empty(t, q.left())
		})
	})
}
