package plan_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

// crowd is a link with that many addresses in one subnet.
func crowd(count int) plan.Link {
	l := plan.Link{Gateways: []plan.Gateway{gateway("10.0.0.1", "dhcp")}}
	l.Link = hostnet.Link{Index: 2, Name: linkName(2), Flags: up}
	for i := range count {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i / 250), byte(i%250 + 2)})
		l.Addrs = append(l.Addrs, hostnet.Addr{Prefix: netip.PrefixFrom(addr, 16)})
	}
	return l
}

func BenchmarkWant(b *testing.B) {
	links := []plan.Link{crowd(10_000)}
	b.ReportAllocs()
	for b.Loop() {
		plan.Want(policy(), links)
	}
}

func BenchmarkDiff(b *testing.B) {
	want := plan.Want(policy(), []plan.Link{crowd(10_000)})
	mixed := plan.Plan{Rules: slices.Clone(want.Rules), Routes: want.Routes}
	mix(rand.New(rand.NewPCG(1, 2)), mixed.Rules)
	for _, bb := range []struct {
		name string
		want plan.Plan
		have plan.Plan
	}{
		{"first apply", want, plan.Plan{}},
		{"nothing to do", want, want},
		{"nothing to do, in any order", want, mixed},
		{"flush", plan.Plan{}, want},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				plan.Diff(bb.want, bb.have.Rules, bb.have.Routes)
			}
		})
	}
}
