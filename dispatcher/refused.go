package dispatcher

import (
	"cmp"
	"path/filepath"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Refused returns what lies in any hook directory, for whichever link, and does
// not run though its owner seems to want that: each with the reason, once.
func (f Finder) Refused() []Skipped {
	var all []Skipped
	walk := newWalk(f.Trust)
	for _, directory := range hostnet.Directories() {
		s := search{walk: walk, directory: directory, every: true, claims: make(map[string]string)}
		for _, root := range f.Roots {
			if filepath.IsAbs(root) {
				s.scan(filepath.Join(root, directory), "")
			}
		}
		all = append(all, s.plan.Refused...)
	}
	slices.SortFunc(all, func(a, b Skipped) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Why, b.Why)) })
	return slices.Compact(all)
}

// serves reports whether a subdirectory of that name counts.
func (s *search) serves(name string) bool {
	if s.every {
		return !isLeftover(name)
	}
	return matchLink(name, s.link)
}
