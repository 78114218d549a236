package faulttest

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestLost: what delivered goes by finds what is lost, and takes no merged event for
// one.
func TestLost(t *testing.T) {
	edge := func(seq uint64) hostnet.Event {
		return hostnet.Event{ID: string(rune('a' + seq)), Seq: seq, Index: 3, Kind: hostnet.KindState, Property: hostnet.OperationalState, State: "off"}
	}
	link := func(seq uint64, action hostnet.Action) hostnet.Event {
		return hostnet.Event{ID: string(rune('a' + seq)), Seq: seq, Index: 3, Kind: hostnet.KindLinks, Action: action}
	}
	level := func(seq uint64) hostnet.Event {
		return hostnet.Event{ID: string(rune('a' + seq)), Seq: seq, Index: 3, Kind: hostnet.KindAddresses, Action: hostnet.ActionChanged}
	}
	ran := func(ev hostnet.Event, coalesced int) hookRun {
		kind := string(ev.Kind)
		if ev.Kind == hostnet.KindState {
			kind = ev.State
		}
		return hookRun{kind: kind, id: ev.ID, seq: ev.Seq, index: ev.Index, action: string(ev.Action), coalesced: coalesced}
	}
	tests := []struct {
		name string
		told []hostnet.Event
		runs []hookRun
		lost bool
	}{
		{"all ran", []hostnet.Event{edge(1), edge(2)}, []hookRun{ran(edge(1), 0), ran(edge(2), 0)}, false},
		{"one did not", []hostnet.Event{edge(1), edge(2)}, []hookRun{ran(edge(2), 0)}, true},
		{"it was merged", []hostnet.Event{edge(1), edge(2)}, []hookRun{ran(edge(2), 1)}, false},
		{"only one was", []hostnet.Event{edge(1), edge(2), edge(3)}, []hookRun{ran(edge(3), 1)}, true},
		{"merged once, run twice", []hostnet.Event{edge(1), edge(2), edge(3)}, []hookRun{ran(edge(3), 1), ran(edge(3), 1)}, true},
		{"merged into an earlier one", []hostnet.Event{edge(1), edge(2), edge(3)}, []hookRun{ran(edge(1), 1), ran(edge(2), 0)}, true},
		{"merged into a level", []hostnet.Event{edge(1), level(2)}, []hookRun{ran(level(2), 1)}, true},
		{"merged into a link's", []hostnet.Event{edge(1), link(2, hostnet.ActionChanged)}, []hookRun{ran(link(2, hostnet.ActionChanged), 1)}, true},
		{"levels merge", []hostnet.Event{level(1), level(2)}, []hookRun{ran(level(2), 1)}, false},
		{"the last level did not run", []hostnet.Event{level(1), level(2)}, []hookRun{ran(level(1), 0)}, true},
		{"after the end", []hostnet.Event{link(1, hostnet.ActionRemoved), edge(2), level(3)}, []hookRun{ran(link(1, hostnet.ActionRemoved), 0)}, false},
		{"came and went", []hostnet.Event{link(1, hostnet.ActionAdded), edge(2), link(3, hostnet.ActionRemoved)}, nil, false},
		{"came and never ran", []hostnet.Event{link(1, hostnet.ActionAdded), edge(2)}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.lost, len(lost(tt.told, tt.runs)) > 0)
		})
	}
}
