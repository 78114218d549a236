package networkd

import (
	"path/filepath"
	"testing"
)

func BenchmarkReadLease(b *testing.B) {
	dir := filepath.Join("testdata", "systemd-252")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadLease(dir, captured()["systemd-252"]); err != nil {
			b.Fatal(err)
		}
	}
}
