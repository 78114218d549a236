package systemd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/systembus"
)

// FuzzAnswer takes a message for systemd's answer to each of our questions. What is
// read of it is what it says, and of a time none that wraps.
func FuzzAnswer(f *testing.F) {
	one := unit{Name: "netbrk-routable@eth0.target", LoadState: "loaded", ActiveState: "active", SubState: "active", Path: "/u", JobPath: "/"}
	busy := one
	busy.JobID, busy.JobType = 7, "start"
	for _, body := range [][]any{
		{[]unit{one, busy}}, {[]unit{}}, {[]string{"netbrk.target"}}, {[]struct{ Name string }{{"netbrk.target"}}}, {"x"}, {},
		{dbus.MakeVariant(uint64(1 << 40))}, {dbus.MakeVariant(uint64(1<<62 - 1))}, {dbus.MakeVariant(^uint64(0))}, {dbus.MakeVariant("x")},
		{dbus.ObjectPath("/org/freedesktop/systemd1/job/7")},
	} {
		f.Add(bustest.Wire(f, "/x", "x.y", "Z", body...))
	}
	f.Add(bustest.TruthKeys(bustest.Wire(f, "/x", "x.y", "Z", map[int32]dbus.Variant{})))
	f.Fuzz(func(t *testing.T, wire []byte) {
		_, call := bustest.Message(wire)
		if call == nil {
			return
		}
		var units []unit
		if systembus.Store(call, &units) == nil {
			active := activeNames(units)
			assert.LessOrEqual(t, len(active), len(units))
			for _, u := range units {
				if u.JobID == 0 && u.ActiveState != "active" && !slices.ContainsFunc(units, func(o unit) bool { return o.on() && o.Name == u.Name }) {
					assert.NotContains(t, active, u.Name)
				}
			}
			if slices.ContainsFunc(units, func(u unit) bool {
				return !utf8.ValidString(fmt.Sprint(u)) || strings.Contains(fmt.Sprint(u), "\x00") || !u.Path.IsValid() || !u.JobPath.IsValid()
			}) {
				return // the bus passes none of these on, and none can be sent
			}
			_, again := bustest.Message(bustest.Wire(t, "/x", "x.y", "Z", units))
			if again != nil { // else longer than it came
				var back []unit
				require.NoError(t, systembus.Store(again, &back))
				assert.ElementsMatch(t, units, back)
			}
		}
		var v dbus.Variant
		if systembus.Store(call, &v) == nil {
			if at, ok := elapse(v); ok {
				assert.Positive(t, at)
				assert.EqualValues(t, v.Value(), at/time.Microsecond)
			}
		}
	})
}
