// Package reconcile brings the kernel's policy routing to what it should be: it
// reads what is, has internal/plan say what should be, and applies the
// difference. It speaks to the kernel and to its ledger through small
// interfaces, and opens nothing itself.
package reconcile
