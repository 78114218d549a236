package dhclient

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// expire takes in the date at which the lease ends. One that cannot be read is as
// good as none: whether a lease is held is not decided by it where it has an
// address.
func (m *maker) expire(args []word) {
	m.lease.Expire = time.Time{}
	if at, ok := date(args); ok {
		m.lease.Expire = at
	}
}

// date reads one of dhclient.leases(5): "never", "epoch SECONDS", or
// "WEEKDAY YEAR/MONTH/DAY HOUR:MINUTE:SECOND [OFFSET]" in UTC. Zero means never, and
// so does a year from 2038 on, as with dhclient.
func date(args []word) (time.Time, bool) {
	texts := make([]string, len(args))
	for i, w := range args {
		texts[i] = w.text
	}
	text := strings.Join(texts, " ")
	if text == "never" {
		return time.Time{}, true
	}
	if rest, ok := strings.CutPrefix(text, "epoch "); ok {
		n, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
		return unixTime(n), err == nil && n >= 0
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '/' || r == ':' })
	var n [8]int // weekday, year, month, day, hour, minute, second, offset
	if len(parts) != 7 && len(parts) != 8 {
		return time.Time{}, false
	}
	for i, part := range parts {
		var err error
		if n[i], err = strconv.Atoi(part); err != nil {
			return time.Time{}, false
		}
	}
	if n[1] >= 2038 {
		return time.Time{}, true
	}
	at := time.Date(n[1], time.Month(n[2]), n[3], n[4], n[5], n[6], 0, time.UTC)
	sound := n[1] >= 1970 && n[2] >= 1 && n[2] <= 12 && n[3] >= 1 && n[3] <= 31 &&
		n[4] >= 0 && n[4] < 24 && n[5] >= 0 && n[5] < 60 && n[6] >= 0 && n[6] <= 60 && n[7] > -1e6 && n[7] < 1e6
	return at.Add(time.Duration(n[7]) * time.Second), sound
}

// unixTime is that many seconds after the epoch, or zero past what a lease counts.
func unixTime(n int64) time.Time {
	if n > math.MaxInt32 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// lifetime tells when an address of a lease6 ends, and whether it was held at all:
// its maximal life counts from its start. RFC 8415 section 7.7 has 0xffffffff for
// ever.
func lifetime(body []statement) (ends time.Time, held bool) {
	var starts, life int64
	for _, s := range body {
		if args := s.args(); len(args) == 1 {
			n, err := strconv.ParseInt(args[0].text, 10, 64)
			if err != nil || n < 0 || n > math.MaxUint32 {
				continue
			}
			switch s.name() {
			case "starts":
				starts = n
			case "max-life":
				life = n
			}
		}
	}
	if life == math.MaxUint32 {
		return time.Time{}, true
	}
	return unixTime(starts + life), life > 0
}
