package networkd

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

// signal is one that busctl(1) captured, and when.
type signal struct {
	*dbus.Signal
	at time.Duration
}

// readSignals reads what busctl(1) captured: one signal on a line.
func readSignals(t testing.TB, path string) []signal {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var signals []signal
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var raw struct {
			T                       int64 // microseconds
			Path, Interface, Member string
			Data                    []json.RawMessage
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &raw))
		require.Len(t, raw.Data, 3)
		var iface string
		require.NoError(t, json.Unmarshal(raw.Data[0], &iface))
		var typed map[string]struct{ Data any }
		require.NoError(t, json.Unmarshal(raw.Data[1], &typed))
		values := map[string]dbus.Variant{}
		for name, v := range typed {
			values[name] = dbus.MakeVariant(v.Data)
		}
		signals = append(signals, signal{&dbus.Signal{
			Path: dbus.ObjectPath(raw.Path), Name: raw.Interface + "." + raw.Member, Body: []any{iface, values, []string{}},
		}, time.Duration(raw.T) * time.Microsecond})
	}
	require.NoError(t, lines.Err())
	return signals
}

// silentKernel has the links of the capture and says nothing of them.
type silentKernel []hostnet.Link

func (silentKernel) Readable() <-chan struct{}          { return nil }
func (silentKernel) Rearm()                             {}
func (silentKernel) Receive(func(hostnet.Change)) error { return nil }
func (silentKernel) Describe(hostnet.Change) string     { return "" }
func (k silentKernel) Dump(o hostnet.Object, start func(), use func(hostnet.Change)) error {
	start()
	for _, l := range k {
		if o == hostnet.ObjectLink {
			use(hostnet.Change{Object: o, Index: l.Index, Link: l})
		}
	}
	return nil
}

type scriptedBus chan hostnet.BusEvent

func (b scriptedBus) Events() <-chan hostnet.BusEvent { return b }
func (scriptedBus) Refresh(int)                       {}

type noFiles struct{}

func (noFiles) Changed() <-chan int            { return nil }
func (noFiles) AdministrativeState(int) string { return "" }
func (noFiles) Lease(int) hostnet.LeaseMark    { return hostnet.LeaseMark{} }

type noRecords struct{}

func (noRecords) Save(watch.Record) error { return nil }
func (noRecords) Remove(int) error        { return nil }

// transitions is a sink that writes each event on one line.
type transitions struct{ strings.Builder }

func (s *transitions) Number(ev hostnet.Event) hostnet.Event { return ev }

func (s *transitions) Put(ev hostnet.Event) (hostnet.Event, error) {
	if ev.Kind == hostnet.KindLinks {
		fmt.Fprintf(s, "%s %s %s\n", ev.Kind, ev.Link, ev.Action)
	} else {
		fmt.Fprintf(s, "%s %s %s=%s (%s)\n", ev.Kind, ev.Link, ev.Property, ev.State, ev.Previous)
	}
	return ev, ev.Validate()
}

// TestReplay sends what three versions of networkd signalled, while a link
// lost its carrier, was reconfigured, renamed and removed and networkd was
// restarted, through the decoder and the watcher.
func TestReplay(t *testing.T) {
	for _, version := range []string{"247", "252", "257"} {
		t.Run(version, func(t *testing.T) {
			dir := filepath.Join("testdata", "systemd-"+version)
			signals := readSignals(t, filepath.Join(dir, "signals.jsonl"))
			require.NotEmpty(t, signals)
			var got string
			synctest.Test(t, func(t *testing.T) { got = replay(t, signals) })
			golden := filepath.Join(dir, "events")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func replay(t *testing.T, signals []signal) string {
	configured := func() hostnet.States {
		return hostnet.States{hostnet.OperationalState: "routable", hostnet.AdministrativeState: "configured"}
	}
	var links silentKernel
	snapshot := &hostnet.BusSnapshot{Manager: hostnet.States{hostnet.OperationalState: "routable"}, Links: map[int]hostnet.States{}}
	for _, sig := range signals {
		index, ok := linkIndex(string(sig.Path))
		if _, known := snapshot.Links[index]; ok && !known {
			snapshot.Links[index] = configured()
			links = append(links, hostnet.Link{Index: index, Name: fmt.Sprintf("link%d", index)})
		}
	}
	bus, sink := make(scriptedBus), &transitions{}
	w := watch.New(watch.Options{
		Match: func(string) bool { return true }, Networkd: true, Overrun: func(error) bool { return false },
		Emitted: func(hostnet.Event) {}, Log: slog.New(slog.DiscardHandler),
	}, links, bus, noFiles{}, sink, noRecords{}, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	bus <- hostnet.BusEvent{Up: snapshot}
	for _, sig := range signals {
		if change, ok := decodeSignal(sig.Signal); ok {
			bus <- hostnet.BusEvent{Changed: &change}
		}
	}
	synctest.Wait()
	cancel()
	require.NoError(t, <-ended)
	return sink.String()
}
