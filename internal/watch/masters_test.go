package watch

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// under makes a link a port of a master.
func under(master int, c hostnet.Change) hostnet.Change { c.Link.MasterIndex = master; return c }

func TestPortsAndTheirMaster(t *testing.T) {
	inHarness(t, func(b *harness) {
		b.options.Networkd = false
		b.kernel.set(linkUp(1, "lo"), linkUp(3, "br0"), under(3, linkUp(4, "p0")), linkUp(5, "p1"), linkCut(6, "p2"))
		b.start()
		b.settle()
		for _, step := range []struct {
			say  hostnet.Change
			want []string
		}{
			{under(3, linkUp(5, "p1")), []string{"state 5:p1 carrier>enslaved"}},
			{under(3, linkCut(5, "p1")), []string{"state 5:p1 enslaved>no-carrier", "state 3:br0 carrier>degraded-carrier"}},
			{under(3, linkCut(6, "p2")), []string{}},
			{under(3, linkUp(5, "p1")), []string{"state 5:p1 no-carrier>enslaved"}},
			{linkCut(6, "p2"), []string{"state 3:br0 degraded-carrier>carrier"}},
			{under(3, linkOff(5, "p1")), []string{"state 5:p1 enslaved>off", "state 3:br0 carrier>degraded-carrier"}},
			{b.kernel.addr(3, "fe80::3/64"), []string{"state 3:br0 degraded-carrier>degraded", "addresses 3:br0 added fe80::3/64"}},
			{gone(b.kernel.addr(3, "fe80::3/64")), []string{"state 3:br0 degraded>degraded-carrier", "addresses 3:br0 removed fe80::3/64"}},
			{gone(under(3, linkOff(5, "p1"))), []string{"links 5:p1 removed", "state 3:br0 degraded-carrier>carrier"}},
			{under(7, linkUp(3, "br0")), []string{"state 3:br0 carrier>enslaved"}}, // of a master that was not told of yet
			{linkUp(7, "vrf0"), []string{"links 7:vrf0 added", "state 7:vrf0 >carrier"}},
			{under(3, linkCut(4, "p0")), []string{
				"state 4:p0 enslaved>no-carrier", "state 3:br0 enslaved>degraded-carrier", "state 7:vrf0 carrier>degraded-carrier",
			}},
			{under(3, linkUp(4, "p0")), []string{
				"state 4:p0 no-carrier>enslaved", "state 3:br0 degraded-carrier>enslaved", "state 7:vrf0 degraded-carrier>carrier",
			}},
		} {
			b.kernel.say(step.say)
			assert.Equal(t, step.want, b.settle(), "%+v", step.say.Link)
		}
		// What a dump tells is no other than what messages tell.
		b.kernel.set(gone(under(3, linkUp(4, "p0"))), under(3, linkCut(6, "p2")))
		b.kernel.fail(errOverrun)
		assert.Equal(t, []string{"state 3:br0 enslaved>degraded-carrier", "links 4:p0 removed", "state 7:vrf0 carrier>degraded-carrier"}, b.settle())
		b.stop()
	})
}
