package networkd

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/watch"
)

// unwatchedFiles are lease files of which no notification comes.
type unwatchedFiles struct {
	noFiles
	mu    sync.Mutex
	lease map[int]string
}

func (f *unwatchedFiles) Lease(index int) hostnet.LeaseMark {
	f.mu.Lock()
	defer f.mu.Unlock()
	return hostnet.LeaseMark{Address: f.lease[index]}
}

func (f *unwatchedFiles) write(index int, address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lease[index] = address
}

// leaseEvents is a sink of the lease events, one on a line.
type leaseEvents struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *leaseEvents) Number(ev hostnet.Event) hostnet.Event { return ev }

func (s *leaseEvents) Put(ev hostnet.Event) (hostnet.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ev.Kind == hostnet.KindLeases {
		s.text.WriteString(ev.Link + " " + string(ev.Action) + " " + ev.Address + "\n")
	}
	return ev, ev.Validate()
}

func (s *leaseEvents) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.text.Reset()
	return s.text.String()
}

// TestReplayLeases has the DHCP clients of systemd 257 tell of leases, when they
// did, and the files written a moment after each signal, which nobody notifies of.
func TestReplayLeases(t *testing.T) {
	const removed, added = "ens5 removed 10.4.0.5/24\n", "ens5 added 10.4.0.5/24\n"
	tests := []struct {
		delay time.Duration
		want  string
	}{
		// Carrier cut and back, reconfigured (renewed and networkd restarted: no
		// change), set down and up, deleted.
		{0, removed + added + removed + added + removed + added + removed},
		{5 * time.Millisecond, removed + added + removed + added + removed + added + removed},
		// The file of a reconfigured link is gone for 48 ms: too short to be seen.
		{150 * time.Millisecond, removed + added + removed},
	}
	for _, tt := range tests {
		t.Run(tt.delay.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { assert.Equal(t, tt.want, replayLeases(t, tt.delay)) })
		})
	}
}

func replayLeases(t *testing.T, delay time.Duration) string {
	signals := readSignals(t, filepath.Join("testdata", "systemd-257", "signals.jsonl"))
	addresses := map[int]string{24: "10.4.0.4/24", 25: "10.4.0.5/24"}
	files := &unwatchedFiles{lease: maps.Clone(addresses)}
	sink, bus := &leaseEvents{}, make(scriptedBus)
	w := watch.New(watch.Options{
		Match: func(string) bool { return true }, Networkd: true, Overrun: func(error) bool { return false },
		Emitted: func(hostnet.Event) {}, Log: slog.New(slog.DiscardHandler),
	}, silentKernel{{Index: 24, Name: "ens4"}, {Index: 25, Name: "ens5"}}, bus, files, sink, noRecords{}, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	bus <- hostnet.BusEvent{Up: &hostnet.BusSnapshot{Links: map[int]hostnet.States{24: {}, 25: {}}}}
	synctest.Wait()
	require.Equal(t, "ens4 added 10.4.0.4/24\n"+"ens5 added 10.4.0.5/24\n", sink.take())

	for i, sig := range signals {
		if iface, _ := sig.Body[0].(string); iface == dhcpInterface {
			change, ok := decodeSignal(sig.Signal)
			require.True(t, ok)
			bus <- hostnet.BusEvent{Changed: &change}
			synctest.Wait()
			values, _ := sig.Body[1].(map[string]dbus.Variant)
			time.AfterFunc(delay, func() {
				switch values["State"].Value() {
				case "bound":
					files.write(change.Index, addresses[change.Index])
				case "stopped":
					files.write(change.Index, "")
				}
			})
		}
		if i+1 < len(signals) {
			<-time.After(signals[i+1].at - sig.at)
		}
	}
	<-time.After(time.Minute)
	synctest.Wait()
	cancel()
	require.NoError(t, <-ended)
	return sink.take()
}
