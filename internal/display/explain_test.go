package display

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

func TestExplain(t *testing.T) {
	main := hostnet.FIBRoute{Table: 254, Type: "unicast", Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1"), Link: "eth0"}
	e := report.Explanation{
		From: netip.MustParseAddr("192.0.2.20"), To: netip.MustParseAddr("203.0.113.1"), Link: "e\x1b[31m",
		Rules: []report.ExplainedRule{
			{Priority: 0, Rule: "from all lookup local", Outcome: "no route"},
			{Priority: 5, Rule: "from all uidrange lookup 7", Outcome: "not judged", Why: "uidrange"},
			{Priority: 32766, Rule: "from all lookup main", Outcome: "decides", Route: &main},
		},
		Verdict: "route", Route: &main, MainVerdict: "route", Main: &main, KernelSays: "no route to host",
		Table: 10004, Missing: []string{"ip -4 rule add from 192.0.2.20 lookup 10004"},
	}
	const want = `From 192.0.2.20 on e?[31m to 203.0.113.1

|- 0: from all lookup local -> no route
|- 5: from all uidrange lookup 7 -> not judged: uidrange
` + "`" + `- 32766: from all lookup main -> decides: default via 192.0.2.1 dev eth0

Result   default via 192.0.2.1 dev eth0, by table main
Kernel   no route to host, which counts: not all of its rules can be judged here
Main     default via 192.0.2.1 dev eth0, by table main, without rules
netbrk   table 10004, of which is missing:
  ` + "`" + `- ip -4 rule add from 192.0.2.20 lookup 10004
  -> netbrk apply-rules
`
	assert.Equal(t, want, Explain(e, Options{Plain: true}))
	for line := range strings.SplitSeq(Explain(e, Options{Width: 40}), "\n") {
		assert.LessOrEqual(t, width(line), 40, line)
	}
	e.Certain = true
	assert.Contains(t, Explain(e, Options{}), "Kernel   no route to host, which counts\n")
	e.Table, e.Agrees = 0, true
	assert.Contains(t, Explain(e, Options{}), "netbrk   has no rules for the address\n")
}
