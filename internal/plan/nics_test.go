package plan_test

import (
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
