package kernel

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// benchRules are those of 1000 addresses, in the order of an addition.
func benchRules() []hostnet.Rule {
	const addresses = 1000
	return slices.Concat(manyRules(addresses, 30003), manyRules(addresses, 30002), manyRules(addresses, 30000))
}

// BenchmarkApply adds rules and deletes them again, in the best order for each.
func BenchmarkApply(b *testing.B) {
	l := newPolicyLab(b)
	rules := benchRules()
	adds := ruleSteps(hostnet.OpAdd, rules...)
	deletes := ruleSteps(hostnet.OpDelete, inKernelOrder(slices.Clone(rules))...)
	b.ReportAllocs()
	for b.Loop() {
		for _, steps := range [][]hostnet.Step{adds, deletes} {
			failed, err := l.p.Apply(b.Context(), steps)
			require.NoError(b, err)
			require.Nil(b, failed)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*2*len(rules)), "ns/step")
}

// BenchmarkRules is most of what a run with nothing to do costs.
func BenchmarkRules(b *testing.B) {
	l := newPolicyLab(b)
	rules := benchRules()
	l.apply(ruleSteps(hostnet.OpAdd, rules...)...)
	b.ReportAllocs()
	for b.Loop() {
		told, err := l.p.Rules(b.Context())
		require.NoError(b, err)
		require.Len(b, told, len(rules))
	}
}
