package plan

import (
	"github.com/netbrk/netbrk/internal/hostnet"
)

// Diff returns the steps that turn have, what the kernel tells in its order,
// into want, in the order in which they are to be applied; none where there is
// nothing to do. What comes replaces what goes without a gap: routes are there
// before the rules that lead to them, and rules go before their routes.
//
// What does not carry hostnet.Protocol is not looked at, and neither is a rule
// with Other: the kernel deletes the first rule that has all that a message
// says (rule_find in net/core/fib_rules.c), which may be a wanted one.
func Diff(want Plan, haveRules []hostnet.Rule, haveRoutes []hostnet.Route) []hostnet.Step {
	set, staleRoutes := diffRoutes(want.Routes, haveRoutes)
	missing, staleRules := diffRules(want.Rules, haveRules)
	count := len(set) + len(missing) + len(staleRules) + len(staleRoutes)
	if count == 0 {
		return nil
	}
	steps := append(make([]hostnet.Step, 0, count), set...)
	steps = appendAdds(steps, missing)
	steps = appendDeletes(steps, staleRules)
	for _, r := range staleRoutes {
		steps = append(steps, hostnet.Step{Op: hostnet.OpDelete, Route: r})
	}
	return steps
}
