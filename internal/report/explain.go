package report

import (
	"net/netip"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// ExplainSchema is the version of Explanation, see RulesSchema.
const ExplainSchema = 1

// Explanation is what `netbrk status --explain --json` prints: why traffic that this
// host sends from an address goes where it goes.
type Explanation struct {
	SchemaVersion int        `json:"schema_version"`
	From          netip.Addr `json:"from"`
	To            netip.Addr `json:"to"`
	// Link is the one that has the address; empty for an address of nobody here.
	Link string `json:"link,omitempty"`
	// Rules are those that were consulted, in order.
	Rules []ExplainedRule `json:"rules"`
	// Verdict is "route", "no route", "unreachable", "blackhole" or "prohibit", by
	// the rules; Certain is false where one of them could not be judged.
	Verdict string            `json:"verdict"`
	Route   *hostnet.FIBRoute `json:"route,omitempty"`
	Certain bool              `json:"certain"`
	// Main is what would be without any rules but the kernel's own.
	MainVerdict string            `json:"main_verdict"`
	Main        *hostnet.FIBRoute `json:"main_route,omitempty"`
	// Kernel is the kernel's own answer, KernelSays its error where it has none.
	Kernel     *hostnet.FIBRoute `json:"kernel_route,omitempty"`
	KernelSays string            `json:"kernel_error,omitempty"`
	// Agrees is false where the kernel's answer is another one than the rules': the
	// kernel is right.
	Agrees bool `json:"agrees"`
	// Table is that of the link's policy routing by netbrk, 0 for none; Missing are
	// the steps that apply-rules would take for the address, as commands of ip(8).
	Table   uint32   `json:"table,omitempty"`
	Missing []string `json:"missing"`
}

// ExplainedRule is a rule that was consulted.
type ExplainedRule struct {
	Priority uint32 `json:"priority"`
	// Rule is in ip-rule(8)'s notation.
	Rule string `json:"rule"`
	// Outcome is "skipped", "no route", "suppressed", "jumped", "passed", "decides"
	// or "not judged"; Why says more.
	Outcome string            `json:"outcome"`
	Why     string            `json:"why,omitempty"`
	Route   *hostnet.FIBRoute `json:"route,omitempty"`
}
