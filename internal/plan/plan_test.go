package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

func TestWantSkips(t *testing.T) {
	links := linksOf(
		t,
		shape{index: 1, flags: up | hostnet.FlagLoopback, addrs: []string{"192.0.2.1/32"}},
		shape{index: 2, flags: up, master: 7, addrs: []string{"192.0.2.2/24"}},
		shape{index: 3, flags: up, addrs: []string{"fe80::3/64 scope link"}, routes: []string{"default via fe80::1"}},
		shape{index: 4, flags: up, addrs: []string{"192.0.2.4/24"}},
	)
	links = append(links, plan.Link{LinkFacts: hostnet.LinkFacts{Link: hostnet.Link{Index: 5}}})

	got := plan.Want(plan.Policy{TableBase: 250, Priority: 100}, links)
	assert.Equal(t, plan.Plan{
		Rules: []hostnet.Rule{},
		Links: map[int]plan.Outcome{
			1: {Table: 251, Skipped: "loopback"},
			2: {Table: 252, Skipped: "enslaved to ifindex 7"},
			3: {Table: 253, Skipped: "table 253 is the kernel's own"},
			4: {Table: 254, Skipped: "table 254 is the kernel's own"},
			5: {Table: 255, Skipped: "vanished"},
		},
	}, got)

	got = plan.Want(policy(), links[2:3])
	assert.Equal(t, map[int]plan.Outcome{3: {Table: 10003, Skipped: "no global address"}}, got.Links)
	assert.Empty(t, got.Rules)
}
