package watch

import "github.com/netbrk/netbrk/internal/hostnet"

// Digest stands for a set: equal sets have equal digests.
type Digest struct {
	Count int
	Sum   uint64
}

// members is a set of digests with one byte of detail each. Past a budget it
// is no longer kept member by member, but only as a count and a sum: a router
// with a full table must not cost the watcher 50 MB.
type members struct {
	Digest
	each map[uint64]uint8
}

// vague reports whether the set is kept as a sum only. Messages that crossed a
// dump on the way make such a sum drift: only a dump tells.
func (s *members) vague() bool { return s.each == nil && s.Count > 0 }

// add puts a member in and reports whether that changed the set. Of a set that
// is not kept member by member every message is taken for a change.
func (s *members) add(digest uint64, detail uint8, budget *int) bool {
	if s.vague() {
		s.Count++
		s.Sum += digest
		return true
	}
	old, present := s.each[digest]
	if present {
		s.each[digest] = detail
		return old != detail
	}
	s.Count++
	s.Sum += digest
	if *budget <= 0 {
		*budget += len(s.each)
		s.each = nil
		return true
	}
	if s.each == nil {
		s.each = map[uint64]uint8{}
	}
	s.each[digest] = detail
	*budget--
	return true
}

// remove takes a member out and reports whether that changed the set.
func (s *members) remove(digest uint64, budget *int) bool {
	if s.vague() {
		s.Count--
		s.Sum -= digest
		return true
	}
	if _, present := s.each[digest]; !present {
		return false
	}
	delete(s.each, digest)
	*budget++
	s.Count--
	s.Sum -= digest
	if s.Count == 0 {
		s.each = nil
	}
	return true
}

// clear empties the set.
func (s *members) clear(budget *int) {
	*budget += len(s.each)
	*s = members{}
}

// Details of an address in a set: its reach, and whether it is IPv6.
const detailV6 = 0x80

func addrDetail(a hostnet.Addr) uint8 {
	d := uint8(a.Reach())
	if !a.Prefix.Addr().Is4() {
		d |= detailV6
	}
	return d
}

// reaches returns the widest reach of the addresses of each family.
func (s *members) reaches() (v4, v6 hostnet.Reach) {
	for _, d := range s.each {
		if d&detailV6 != 0 {
			v6 = max(v6, hostnet.Reach(d&^detailV6))
		} else {
			v4 = max(v4, hostnet.Reach(d))
		}
	}
	return v4, v6
}
