package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		name   string
		values []time.Duration
		want   time.Duration
	}{
		{"one", []time.Duration{7}, 7},
		{"odd, out of order", []time.Duration{9, 1, 5}, 5},
		{"even", []time.Duration{8, 2, 4, 100}, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := append([]time.Duration{}, tt.values...)
			assert.Equal(t, tt.want, Median(tt.values))
			assert.Equal(t, before, tt.values, "the order in which they were measured")
		})
	}
}

func TestRowIsMet(t *testing.T) {
	tests := []struct {
		name string
		row  Row
		want bool
	}{
		{"no goal", Row{Ours: 1000}, true},
		{"figure at its goal", Row{Ours: 5, Goal: AtMost(5)}, true},
		{"figure above it", Row{Ours: 5.1, Peer: "true", Theirs: 100, Goal: AtMost(5)}, false},
		{"ratio at its goal", Row{Ours: 8, Peer: "ip", Theirs: 10, Goal: Ratio(0.8)}, true},
		{"ratio above it", Row{Ours: 8.1, Peer: "ip", Theirs: 10, Goal: Ratio(0.8)}, false},
		{"peer that took nothing", Row{Ours: 1, Peer: "ip", Goal: Ratio(0.8)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, tt.row.Met()) })
	}
}

func TestTable(t *testing.T) {
	table := NewTable("Rules", "Events", "Cloud")
	table.Add("Events", Row{What: "cut to hook", Case: "exec", Unit: "ms", Ours: 12.34, Peer: "dispatcher", Theirs: 14.5, Goal: Ratio(0.5)})
	table.Add("Rules",
		Row{What: "first run", Case: "10,000 addresses", Unit: "ms", Ours: 1140.2, Peer: "ip -batch", Theirs: 8625, Goal: Ratio(0.8)},
		Row{What: "healing", Case: "units", Unit: "ms", Ours: 7.891, Goal: AtMost(1000)},
		Row{What: "peak memory", Unit: "MiB", Ours: 54.04},
		Row{What: "nothing", Unit: "ms", Peer: "ip", Ours: 0.5})
	table.Add("Events", Row{What: "requests", Case: "2 NICs", Ours: 21, Goal: AtMost(25)})
	var got strings.Builder
	require.NoError(t, table.Write(&got))
	const want = `
| measured    | case             | netbrk   | peer's   | peer       | ratio | goal         |            |
| ----------- | ---------------- | -------- | -------- | ---------- | ----- | ------------ | ---------- |
| **Rules**   |                  |          |          |            |       |              |            |
| first run   | 10,000 addresses | 1,140 ms | 8,625 ms | ip -batch  | 0.13  | ratio <= 0.8 | met        |
| healing     | units            | 7.89 ms  |          | none       |       | <= 1,000 ms  | met        |
| peak memory |                  | 54.0 MiB |          | none       |       |              |            |
| nothing     |                  | 0.50 ms  | 0.00 ms  | ip         | -     |              |            |
| **Events**  |                  |          |          |            |       |              |            |
| cut to hook | exec             | 12.3 ms  | 14.5 ms  | dispatcher | 0.85  | ratio <= 0.5 | **MISSED** |
| requests    | 2 NICs           | 21       |          | none       |       | <= 25        | met        |

3 of 4 goals met; missed: cut to hook, exec
`
	assert.Equal(t, strings.TrimPrefix(want, "\n"), got.String())
	assert.Panics(t, func() { table.Add("Event", Row{}) }, "a row that would not be printed")
}
