package plan_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

func TestMatchNICs(t *testing.T) {
	const mac, other = "02:00:00:00:00:01", "02:00:00:00:00:02"
	tests := []struct {
		name  string
		links []plan.NICLink
		want  map[string]int
		wrong []string
	}{
		{name: "none", want: map[string]int{}},
		{
			name:  "one each",
			links: []plan.NICLink{{Index: 2, Name: "eth0", MAC: mac, Device: true}, {Index: 3, Name: "eth1", MAC: other, Device: true}},
			want:  map[string]int{mac: 2, other: 3},
		},
		{
			name:  "veth in a container, whose peer is elsewhere",
			links: []plan.NICLink{{Index: 2, Name: "eth0", MAC: mac, ParentIndex: 17}},
			want:  map[string]int{mac: 2},
		},
		{
			name: "Azure's VF, enslaved",
			links: []plan.NICLink{
				{Index: 2, Name: "eth0", MAC: mac, Device: true}, {Index: 3, Name: "enP1s1", MAC: mac, Device: true, MasterIndex: 2},
			},
			want: map[string]int{mac: 2},
		},
		{
			name: "Azure's VF, before it is enslaved",
			links: []plan.NICLink{
				{Index: 2, Name: "eth0", MAC: mac, Device: true}, {Index: 3, Name: "enP1s1", MAC: mac, Device: true},
			},
			want:  map[string]int{},
			wrong: []string{"NIC 02:00:00:00:00:01: links enP1s1, eth0 have its address, and nothing says which is meant"},
		},
		{
			name: "VLAN and macvlan on it",
			links: []plan.NICLink{
				{Index: 5, Name: "eth0.7", MAC: mac, ParentIndex: 2}, {Index: 6, Name: "macvlan0", MAC: mac, ParentIndex: 2},
				{Index: 2, Name: "eth0", MAC: mac, Device: true},
			},
			want: map[string]int{mac: 2},
		},
		{
			name: "bridge above it",
			links: []plan.NICLink{
				{Index: 2, Name: "eth0", MAC: mac, Device: true, MasterIndex: 4}, {Index: 4, Name: "br0", MAC: mac},
			},
			want: map[string]int{mac: 4},
		},
		{
			name: "dummy with a stolen address",
			links: []plan.NICLink{
				{Index: 2, Name: "eth0", MAC: mac, Device: true}, {Index: 4, Name: "dummy0", MAC: mac},
			},
			want: map[string]int{mac: 2},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			indexes, problems := plan.MatchNICs([]hostnet.NIC{{MAC: mac}, {MAC: other}}, tt.links)
			assert.Equal(t, tt.want, indexes)
			assert.Equal(t, tt.wrong, problems)
		})
	}
}

func TestPrimaryNIC(t *testing.T) {
	const first, second = "02:00:00:00:00:01", "02:00:00:00:00:02"
	indexes := map[string]int{first: 2, second: 3}
	to := func(destination string, metric uint32) hostnet.LinkFacts {
		return hostnet.LinkFacts{Routes: []hostnet.Route{{Destination: netip.MustParsePrefix(destination), Metric: metric}}}
	}
	named := []hostnet.NIC{{MAC: first}, {MAC: second, Primary: true}}
	unnamed := []hostnet.NIC{{MAC: first}, {MAC: second}}
	for _, tt := range []struct {
		name, provider string
		nics           []hostnet.NIC
		links          map[int]hostnet.LinkFacts
		want           string
	}{
		{"nobody knows", "azure", unnamed, nil, ""},
		{"the cloud names it", "aws", named, map[int]hostnet.LinkFacts{2: to("0.0.0.0/0", 0)}, second},
		{"the platform's route", "azure", unnamed, map[int]hostnet.LinkFacts{2: to("0.0.0.0/0", 0), 3: to("168.63.129.16/32", 100)}, second},
		{"the platform's route before a name", "azure", named, map[int]hostnet.LinkFacts{2: to("168.63.129.16/32", 0)}, first},
		{"that route elsewhere", "hetzner", unnamed, map[int]hostnet.LinkFacts{2: to("0.0.0.0/0", 0), 3: to("168.63.129.16/32", 0)}, first},
		{"the only default route", "hetzner", unnamed, map[int]hostnet.LinkFacts{2: to("10.0.0.0/8", 0), 3: to("::/0", 1024)}, second},
		{"the better default route", "hetzner", unnamed, map[int]hostnet.LinkFacts{2: to("0.0.0.0/0", 200), 3: to("0.0.0.0/0", 100)}, second},
		{"alike: the lower index", "hetzner", unnamed, map[int]hostnet.LinkFacts{2: to("0.0.0.0/0", 100), 3: to("0.0.0.0/0", 100)}, first},
		{"a route of a link that is no NIC", "hetzner", unnamed, map[int]hostnet.LinkFacts{9: to("0.0.0.0/0", 0)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			told := hostnet.Metadata{System: hostnet.System{Provider: tt.provider}, NICs: tt.nics}
			assert.Equal(t, tt.want, plan.PrimaryNIC(told, indexes, tt.links))
		})
	}
}
