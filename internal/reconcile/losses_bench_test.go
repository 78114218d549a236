package reconcile

import (
	"net/netip"
	"testing"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
	"github.com/netbrk/netbrk/internal/report"
)

// BenchmarkWeigh: a table that has the first half of a link's routes gets the rest,
// which none of the first half was: what a storm of routes asks for again and again.
func BenchmarkWeigh(b *testing.B) {
	for name, count := range map[string]int{"1,000 routes": 1_000, "10,000 routes": 10_000, "100,000 routes": 100_000} {
		b.Run(name, func(b *testing.B) {
			var r report.LinkRules
			r.Index, r.Link = 3, "eth1"
			var steps []hostnet.Step
			for i := range count {
				addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
				route := hostnet.Route{Table: 10002, Type: hostnet.RouteUnicast, Index: 3, Destination: netip.PrefixFrom(addr, 32)}
				if i < count/2 {
					r.Routes = append(r.Routes, route.Describe("eth1"))
				} else {
					steps = append(steps, hostnet.Step{Op: hostnet.OpAdd, Route: route})
				}
			}
			p := &pass{Options: Options{Policy: plan.Policy{TableBase: 9999}}, now: time.Unix(0, 0)}
			p.records, p.result.names = map[int]report.LinkRules{3: r}, map[int]string{3: "eth1"}
			b.ReportAllocs()
			for b.Loop() {
				p.weigh(steps)
			}
			if len(p.records[3].Losses) > 0 {
				b.Fatal("a loss, of nothing that was there")
			}
		})
	}
}
