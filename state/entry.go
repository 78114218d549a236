package state

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// entry is what the name of a spool file tells: <seq>-<kind>-<ifindex>.json,
// the sequence number with leading zeros so that names sort in order.
type entry struct {
	seq   uint64
	kind  hostnet.Kind
	index int
}

func (e entry) name() string {
	return fmt.Sprintf("%020d-%s-%d.json", e.seq, e.kind, e.index)
}

func (e entry) compare(other entry) int { return cmp.Compare(e.seq, other.seq) }

// parseEntry reads a name back. Only the very name that the writer would give
// is accepted, so that no two names are one entry.
func parseEntry(name string) (entry, bool) {
	base, ok := strings.CutSuffix(name, ".json")
	if !ok {
		return entry{}, false
	}
	parts := strings.SplitN(base, "-", 3)
	if len(parts) != 3 {
		return entry{}, false
	}
	seq, err := strconv.ParseUint(parts[0], 10, 64)
	if err != nil {
		return entry{}, false
	}
	index, err := strconv.ParseInt(parts[2], 10, 32)
	if err != nil || index < 0 {
		return entry{}, false
	}
	e := entry{seq: seq, kind: hostnet.Kind(parts[1]), index: int(index)}
	return e, hostnet.IsKind(e.kind) && e.name() == name
}
