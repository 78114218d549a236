// Package report holds the machine-readable documents that netbrk hands out
// and how they are composed from plain values. Their keys are a contract with
// scripts: none is renamed, dropped or given another type. The package asks
// nothing of the kernel, of a file or of a bus, and imports hostnet alone.
package report
