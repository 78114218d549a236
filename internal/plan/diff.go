package plan

import (
	"cmp"
	"slices"

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
	steps = appendRules(steps, hostnet.OpAdd, missing)
	steps = appendRules(steps, hostnet.OpDelete, staleRules)
	for _, r := range staleRoutes {
		steps = append(steps, hostnet.Step{Op: hostnet.OpDelete, Route: r})
	}
	return steps
}

func appendRules(steps []hostnet.Step, op hostnet.Op, rules []hostnet.Rule) []hostnet.Step {
	for _, r := range rules {
		steps = append(steps, hostnet.Step{Op: op, IsRule: true, Rule: r})
	}
	return steps
}

// diffRules returns the rules that are missing, and those of ours that are
// there in vain or once too often, both in the order of their steps.
func diffRules(want, have []hostnet.Rule) (missing, stale []hostnet.Rule) {
	found := make(map[hostnet.Rule]bool, len(want))
	for _, r := range want {
		found[r] = false
	}
	for _, r := range have {
		if r.Protocol != hostnet.Protocol || r.Other {
			continue
		}
		if already, wanted := found[r]; !wanted || already {
			stale = append(stale, r)
			continue
		}
		found[r] = true
	}
	for _, r := range want {
		if !found[r] {
			missing = append(missing, r)
		}
	}
	return inOrderOfAdding(missing), inOrderOfDeleting(stale)
}

// isMain reports whether r leads everything to the main table.
func isMain(r hostnet.Rule) bool {
	return r.Table == hostnet.TableMain && !r.From.IsValid() && !r.To.IsValid()
}

// inOrderOfAdding puts first the rules that lead to the main table: without
// them the rules that follow would take from containers their way to the
// host's addresses. Then come the others by descending priority, since the
// kernel walks over all rules of a lower or equal one to find a new rule's place
// (fib_nl_newrule in net/core/fib_rules.c).
func inOrderOfAdding(rules []hostnet.Rule) []hostnet.Rule {
	slices.SortFunc(rules, compareRules)
	ordered := make([]hostnet.Rule, 0, len(rules))
	for _, r := range rules {
		if isMain(r) {
			ordered = append(ordered, r)
		}
	}
	for end := len(rules); end > 0; {
		start := end - 1
		for start > 0 && rules[start-1].Priority == rules[start].Priority {
			start--
		}
		for _, r := range rules[start:end] {
			if !isMain(r) {
				ordered = append(ordered, r)
			}
		}
		end = start
	}
	return ordered
}

// inOrderOfDeleting puts last the rules that were to be added first. The others
// ascend, as the kernel meets them when it looks for one.
func inOrderOfDeleting(rules []hostnet.Rule) []hostnet.Rule {
	slices.SortFunc(rules, func(a, b hostnet.Rule) int {
		return cmp.Or(compareBool(isMain(a), isMain(b)), compareRules(a, b))
	})
	return rules
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
