package dispatcher

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkFind looks for what runs for a link: ten scripts and a directory of each
// of twenty globs, one of which matches.
func BenchmarkFind(b *testing.B) {
	root, err := filepath.EvalSymlinks(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	script := func(name string) {
		path := filepath.Join(root, "etc", "routable.d", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 10 {
		script(fmt.Sprintf("%d-script", i))
	}
	for i := range 20 {
		script(fmt.Sprintf("wg%d*/50-peer", i))
	}
	finder := Finder{Roots: []string{filepath.Join(root, "etc"), filepath.Join(root, "run")}, Trust: Trust{UID: os.Geteuid(), Root: root}}
	b.ReportAllocs()
	for b.Loop() {
		plan, err := finder.Find("routable.d", "wg7")
		if err != nil || len(plan.Hooks) != 11 {
			b.Fatal(plan, err)
		}
	}
}

func BenchmarkMatchLink(b *testing.B) {
	names := []string{"wg*", "eth[!3]", "eth?", "wg0", `e\[!3]`, "br-*-lan", "eth7.old"}
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range names {
			matchLink(name, "eth7.100")
		}
	}
}
