package plan

import (
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// diffRules returns the rules that are missing, and those of ours that are
// there in vain or once too often, both in the order of compareRules.
//
// It walks along two sorted lists. What the kernel tells is nearly sorted, as it
// was added; to sort that anew takes a third of the time that a map of it does.
func diffRules(want, have []hostnet.Rule) (missing, stale []hostnet.Rule) {
	if slices.Equal(want, have) {
		return nil, nil // most runs: five times as fast as to walk
	}
	wanted, found := ownSorted(want), ownSorted(have)
	for _, r := range found {
		for len(wanted) > 0 && compareRules(wanted[0], r) < 0 {
			missing = append(missing, wanted[0])
			wanted = wanted[1:]
		}
		if len(wanted) > 0 && wanted[0] == r {
			wanted = wanted[1:]
		} else {
			stale = append(stale, r)
		}
	}
	if len(missing) == 0 {
		return wanted, stale
	}
	return append(missing, wanted...), stale
}

// ownSorted returns those of rules that are netbrk's own, sorted: rules
// themselves where nothing has to be done for that, as in most runs. To copy
// 30,000 takes as long as to compare them.
func ownSorted(rules []hostnet.Rule) []hostnet.Rule {
	if !slices.ContainsFunc(rules, isForeign) && slices.IsSortedFunc(rules, compareRules) {
		return rules
	}
	own := slices.DeleteFunc(slices.Clone(rules), isForeign)
	slices.SortFunc(own, compareRules)
	return own
}

// isForeign reports whether a rule is not one of netbrk's.
func isForeign(r hostnet.Rule) bool { return r.Protocol != hostnet.Protocol || r.Other }

// isMain reports whether r leads everything to the main table.
func isMain(r hostnet.Rule) bool {
	return r.Table == hostnet.TableMain && !r.From.IsValid() && !r.To.IsValid()
}

// appendAdds appends the steps that add rules, which are sorted. First come the
// rules that lead to the main table: without them, those that follow would take
// from containers their way to the host's addresses. Then come the others by
// descending priority, since the kernel walks over all rules of a lower or
// equal one to find the place of a new rule (fib_nl_newrule in
// net/core/fib_rules.c).
func appendAdds(steps []hostnet.Step, rules []hostnet.Rule) []hostnet.Step {
	steps = appendRules(steps, hostnet.OpAdd, rules, isMain)
	for end := len(rules); end > 0; {
		start := end - 1
		for start > 0 && rules[start-1].Priority == rules[start].Priority {
			start--
		}
		steps = appendRules(steps, hostnet.OpAdd, rules[start:end], isOther)
		end = start
	}
	return steps
}

// appendDeletes appends the steps that delete rules, which are sorted: last
// those that were to be added first. The others ascend, as the kernel meets
// them when it looks for one.
func appendDeletes(steps []hostnet.Step, rules []hostnet.Rule) []hostnet.Step {
	steps = appendRules(steps, hostnet.OpDelete, rules, isOther)
	return appendRules(steps, hostnet.OpDelete, rules, isMain)
}

func isOther(r hostnet.Rule) bool { return !isMain(r) }

// appendRules appends a step for each of the rules that are of a kind.
func appendRules(steps []hostnet.Step, op hostnet.Op, rules []hostnet.Rule, kind func(hostnet.Rule) bool) []hostnet.Step {
	for _, r := range rules {
		if kind(r) {
			steps = append(steps, hostnet.Step{Op: op, IsRule: true, Rule: r})
		}
	}
	return steps
}
