package scale

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// Asking is what one sync asks of a cloud's service.
type Asking struct {
	Cloud string
	// Requests is how many there are when each is answered, and Doors how many of
	// them go on side by side, and are asked again, while none is.
	Requests, Doors int
	// First and Any are for how long they are asked again, in the first sync of a
	// boot and in any other: some clouds keep some of its time for the rest.
	First, Any time.Duration
}

// Measure has a provider ask the service for tests about an instance of two NICs
// with three addresses each, where syncs go on asking for as long as s says.
func Measure(p cloud.Provider, s Shipped) (Asking, error) {
	a := Asking{Cloud: p.Name()}
	server := imdstest.New(p.Name(), Instance(2, 3))
	pipe := server.Pipe()
	defer pipe.Close()
	client, err := cloud.NewClient(p.Endpoint(), cloud.Options{Dial: pipe.Dial})
	if err != nil {
		return a, err
	}
	defer client.Close()
	if _, err := p.Fetch(context.Background(), client); err != nil {
		return a, fmt.Errorf("asking the metadata of %s: %w", p.Name(), err)
	}
	a.Requests = len(server.Requests())
	a.Doors, a.First = doors(p, s.First)
	_, a.Any = doors(p, s.Any)
	if p.Endpoint().Token != nil {
		a.Doors = 1 // for all keys
	}
	return a, nil
}

// doors returns how many keys are asked for where none is answered, and for how
// long of the time of a sync.
func doors(p cloud.Provider, limit time.Duration) (int, time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	r := &refusal{left: limit}
	_, _ = p.Fetch(ctx, r) // fails
	return r.asked, r.left
}

// refusal is a service that answers nothing.
type refusal struct {
	mu    sync.Mutex
	asked int
	left  time.Duration // of the time of a sync
}

func (r *refusal) Get(ctx context.Context, _ string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if end, ok := ctx.Deadline(); ok {
		r.left = min(r.left, time.Until(end).Round(time.Second))
	}
	return nil, cloud.ErrNotReady
}

// Instance is what is told of one with so many NICs, and so many addresses on each.
// The n-th NIC is in 10.0.n.0/24.
func Instance(nics, addresses int) hostnet.Metadata {
	told := hostnet.Metadata{System: hostnet.System{
		InstanceID: "i-0001", Name: "web", Hostname: "web", Type: "m5.large", Image: "ami-1",
		Region: "r-1", Zone: "r-1a", Account: "123456789012", Lifecycle: "on-demand", SSHKeys: []string{"ssh-ed25519 AAAA a"},
	}}
	for n := range nics {
		next := netip.AddrFrom4([4]byte{10, 0, byte(n), 10})
		nic := hostnet.NIC{
			MAC: fmt.Sprintf("02:00:00:00:50:%02x", n), ID: fmt.Sprintf("eni-%d", n), Primary: n == 0, Device: n,
			Subnets: []netip.Prefix{netip.PrefixFrom(next, 24).Masked()},
		}
		for range addresses {
			nic.Addresses = append(nic.Addresses, hostnet.CloudAddress{Addr: next, Bits: 24})
			next = next.Next()
		}
		told.NICs = append(told.NICs, nic)
	}
	return told
}
