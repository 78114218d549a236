package plan_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

func gateway(addr, source string) plan.Gateway {
	return plan.Gateway{Addr: netip.MustParseAddr(addr), Source: source}
}

func TestX(t *testing.T) {
	tests := []struct {
		name   string
		shapes []shape
		want   string
		notes  []string
	}{
		{
			name: "two links in one subnet",
			shapes: []shape{
				{
					index: 2, flags: up, addrs: []string{"192.0.2.5/24", "fe80::5/64 scope link"},
					routes: []string{"default via 192.0.2.1 metric 100", "192.0.2.0/24 scope link src 192.0.2.5"},
				},
				{
					index: 3, flags: up, addrs: []string{"192.0.2.6/24"},
					routes: []string{"default via 192.0.2.1 metric 200", "192.0.2.0/24 scope link src 192.0.2.6 metric 200"},
				},
			},
		},
		{
			name:   "main's default route",
			shapes: []shape{{index: 2, flags: up, addrs: []string{"192.0.2.5/24"}, gateways: []plan.Gateway{gateway("192.0.2.1", "dhcp")}}},
		},
		{name: "p", shapes: []shape{{index: 2, flags: up | hostnet.FlagPointToPoint, addrs: []string{"10.0.0.1 peer 10.0.0.2/32"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var links []plan.Link
			for _, s := range tt.shapes {
				links = append(links, s.link(t))
			}
			want := plan.Want(policy(), links)
			assert.Equal(t, dedent(tt.want), commands(t, plan.Diff(want, nil, nil)))
		})
	}
}
