package resolved

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/systembus"
)

// FuzzAnswer takes a message for resolved's and hostnamed's answers. Whatever a link
// is said to have: it has what was set once it says so, and servers that are none
// are not taken for some.
func FuzzAnswer(f *testing.F) {
	servers := encodeServers([]netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")})
	for _, body := range [][]any{
		{map[string]dbus.Variant{
			"DNS": dbus.MakeVariant(servers), "Domains": dbus.MakeVariant([]domain{{"example.net", false}, {".", true}}), "DefaultRoute": dbus.MakeVariant(true),
		}},
		{map[string]dbus.Variant{"DNS": dbus.MakeVariant([]server{{2, []byte{1}}, {10, nil}}), "Domains": dbus.MakeVariant("x"), "DefaultRoute": dbus.MakeVariant(1)}},
		{map[string]dbus.Variant{"DNS": dbus.MakeVariant([]string{"192.0.2.53"}), "Domains": dbus.MakeVariant([]struct{ A, B, C string }{{"a", "b", "c"}})}},
		{dbus.MakeVariant("host.example")}, {dbus.MakeVariant(7)}, {dbus.ObjectPath("/org/freedesktop/resolve1/link/_32")}, {},
	} {
		f.Add(bustest.Wire(f, "/x", "x.y", "Z", body...))
	}
	f.Add(bustest.TruthKeys(bustest.Wire(f, "/x", "x.y", "Z", map[int32]dbus.Variant{})))
	f.Fuzz(func(t *testing.T, wire []byte) {
		_, call := bustest.Message(wire)
		if call == nil {
			return
		}
		if name, err := storedName(call); err == nil {
			body := call.Body[0]
			if v, ok := body.(dbus.Variant); ok {
				body = v.Value()
			}
			assert.Equal(t, name, body, "a text of what is none")
		}
		var values map[string]dbus.Variant
		if systembus.Store(call, &values) != nil {
			return
		}
		have := decode(values)
		valid := !slices.ContainsFunc(have.dns, func(a netip.Addr) bool { return !a.IsValid() })
		if len(have.dns) > 0 && valid {
			assert.Equal(t, have.defaultRoute, have.includes(have.dns, nil))
		}
		assert.False(t, have.includes([]netip.Addr{netip.MustParseAddr("192.0.2.53")}, nil) && len(have.dns) != 1)
		var names []string
		routing := false
		for _, d := range have.domains {
			names, routing = append(names, d.Name), routing || d.RoutingOnly
		}
		if usable := usableDomains(names); len(names) > 0 && slices.Equal(usable, names) {
			assert.Equal(t, !routing, have.includes(nil, names))
		}
	})
}
