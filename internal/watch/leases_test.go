package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// leaseSignal is of a DHCP client that changed its state.
func (b *harness) leaseSignal(index int) {
	b.tell(hostnet.BusEvent{Changed: &hostnet.BusChange{Index: index, Lease: true}})
}

func TestLease(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		for _, step := range []struct {
			lease string
			want  []string
		}{
			{"192.0.2.1/24", []string{"leases 2:eth0 added 192.0.2.1/24"}},
			{"192.0.2.1/24", []string{}},
			{"192.0.2.9/24", []string{"leases 2:eth0 changed 192.0.2.9/24"}},
			{"", []string{"leases 2:eth0 removed 192.0.2.9/24"}},
			{"", []string{}},
			{"192.0.2.1/24", []string{"leases 2:eth0 added 192.0.2.1/24"}},
		} {
			b.files.set(b.files.lease, 2, step.lease)
			b.files.changed <- 2
			assert.Equal(t, step.want, b.settle())
		}
		b.kernel.say(gone(linkUp(2, "eth0")))
		assert.Equal(t, []string{"leases 2:eth0 removed 192.0.2.1/24", "links 2:eth0 removed"}, b.settle())
		b.stop()
	})
}

func TestLeaseEndsWhileNobodyWatches(t *testing.T) {
	inHarness(t, func(b *harness) {
		b.files.lease[2] = "192.0.2.1/24"
		followed(b)
		b.stop()
		b.files.set(b.files.lease, 2, "")
		b.start()
		b.up(states("routable"), map[int]hostnet.States{2: states("routable", "configured")})
		assert.Equal(t, []string{"leases 2:eth0 removed 192.0.2.1/24"}, b.settle())
		b.stop()
	})
}

// TestLeaseBySignal has no notification of the file come.
func TestLeaseBySignal(t *testing.T) {
	for _, written := range []time.Duration{-time.Millisecond, 0, 5 * time.Millisecond, 100 * time.Millisecond, 2 * time.Second} {
		inHarness(t, func(b *harness) {
			followed(b)
			if written < 0 {
				b.files.set(b.files.lease, 2, "192.0.2.1/24")
			}
			b.leaseSignal(2)
			pass(max(written, 0))
			b.files.set(b.files.lease, 2, "192.0.2.1/24")
			assert.Equal(t, []string{"leases 2:eth0 added 192.0.2.1/24"}, append(b.settle(), append(b.settle(), b.settle()...)...), "written %s after the signal", written)
			// It was found: nobody looks any further.
			b.files.takeLooked()
			pass(time.Minute)
			assert.Zero(t, b.files.takeLooked())
			b.stop()
		})
	}
}

func TestLeaseSignalOfNoChange(t *testing.T) {
	inHarness(t, func(b *harness) {
		b.files.lease[2] = "192.0.2.1/24"
		followed(b)
		b.files.takeLooked()
		b.leaseSignal(2) // renewing
		pass(time.Millisecond)
		b.leaseSignal(2) // bound
		b.leaseSignal(9) // of a link that is gone
		pass(time.Minute)
		assert.Empty(t, b.settle())
		assert.Equal(t, 2+len(newLooks().after), b.files.takeLooked(), "a bounded number of looks, counted from the last signal")

		b.leaseSignal(2)
		b.kernel.say(gone(linkUp(2, "eth0")))
		assert.Equal(t, []string{"leases 2:eth0 removed 192.0.2.1/24", "links 2:eth0 removed"}, b.settle())
		b.files.takeLooked()
		pass(time.Minute)
		assert.Zero(t, b.files.takeLooked())
		b.stop()
	})
}

// TestGeneratorWithoutNetworkd starts a watcher that follows the kernel alone
// after one that followed networkd, and the other way round.
func TestGeneratorWithoutNetworkd(t *testing.T) {
	inHarness(t, func(b *harness) {
		b.files.lease[2] = "192.0.2.1/24"
		followed(b)
		b.stop()

		b.options.Networkd = false
		lease := b.files.lease
		b.files.lease = map[int]string{}
		b.start()
		assert.Empty(t, b.settle(), "a lease that is not followed any more has not ended")
		assert.NotContains(t, b.records.all()[2].States, hostnet.AdministrativeState)
		assert.Zero(t, b.records.all()[2].Lease)
		assert.Empty(t, b.records.all()[0].States)
		b.kernel.say(linkCut(2, "eth0"))
		assert.Equal(t, []string{"state 2:eth0 routable>no-carrier"}, b.settle())
		b.kernel.say(linkUp(2, "eth0"))
		b.settle()
		b.stop()

		b.options.Networkd, b.files.lease = true, lease
		b.start()
		b.up(states("routable"), map[int]hostnet.States{2: states("routable", "configured")})
		assert.Equal(t, []string{"state 2:eth0 >configured", "manager >routable", "leases 2:eth0 added 192.0.2.1/24"}, b.settle())
		b.stop()
	})
}
