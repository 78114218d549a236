package e2e

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// story makes notices a second apart.
type story struct{ all []Notice }

func (s *story) add(n Notice) {
	n.At = time.Unix(int64(len(s.all)), 0)
	s.all = append(s.all, n)
}

func (s *story) link(kind uint16, index int) {
	s.add(Notice{Kind: kind, Index: index, Link: hostnet.Link{Index: index, Name: "ens5"}})
}

func (s *story) address(kind uint16, index int, flags uint32) {
	s.add(Notice{Kind: kind, Index: index, Addr: hostnet.Addr{Prefix: netip.MustParsePrefix("2001:db8::5/64"), Flags: flags}})
}

func (s *story) rules(kind uint16, table uint32) {
	for _, r := range PolicyRules(netip.MustParseAddr("2001:db8::5"), table) {
		s.add(Notice{Kind: kind, Rule: r})
	}
}

func TestGaps(t *testing.T) {
	const index, table = 3, RouteTableBase + 3
	for _, test := range []struct {
		name string
		tell func(*story)
		want []int // lengths in seconds; -1 for one without an end
	}{
		{"nothing happens", func(s *story) { s.link(unix.RTM_NEWLINK, 9) }, nil},
		{"one rule", func(s *story) {
			r := PolicyRules(netip.MustParseAddr("2001:db8::5"), table)[2]
			s.add(Notice{Kind: unix.RTM_DELRULE, Rule: r})
			s.add(Notice{Kind: unix.RTM_NEWRULE, Rule: r})
		}, []int{1}},
		{"all rules", func(s *story) { s.rules(unix.RTM_DELRULE, table); s.rules(unix.RTM_NEWRULE, table) }, []int{7}},
		{"never healed", func(s *story) { s.rules(unix.RTM_DELRULE, table) }, []int{-1}},
		{"the address goes first", func(s *story) { s.address(unix.RTM_DELADDR, index, 0); s.rules(unix.RTM_DELRULE, table) }, nil},
		{"the address goes later", func(s *story) { s.rules(unix.RTM_DELRULE, table); s.address(unix.RTM_DELADDR, index, 0) }, []int{4}},
		{"another table", func(s *story) {
			s.link(unix.RTM_DELLINK, index)
			s.address(unix.RTM_DELADDR, index, 0)
			s.link(unix.RTM_NEWLINK, index+1)
			s.address(unix.RTM_NEWADDR, index+1, hostnet.AddrTentative)
			s.address(unix.RTM_NEWADDR, index+1, 0)
			s.rules(unix.RTM_NEWRULE, table+1)
		}, []int{4}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &story{}
			s.link(unix.RTM_NEWLINK, index)
			s.address(unix.RTM_NEWADDR, index, 0)
			s.rules(unix.RTM_NEWRULE, table)
			from := len(s.all)
			test.tell(s)
			var got []int
			for _, g := range Gaps(s.all, from, "ens5") {
				length := -1
				if !g.End.IsZero() {
					length = int(g.Length(g.End) / time.Second)
				}
				got = append(got, length)
			}
			assert.Equal(t, test.want, got)
		})
	}
}
