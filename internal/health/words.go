package health

import (
	"fmt"
	"time"
)

// count writes a number with the words for one, or for many.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Duration writes a duration in its two greatest units, for people.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return two(int(d/time.Minute), "min", int(d/time.Second)%60, "s")
	case d < 48*time.Hour:
		return two(int(d/time.Hour), "h", int(d/time.Minute)%60, "min")
	}
	return two(int(d/(24*time.Hour)), "d", int(d/time.Hour)%24, "h")
}

// two leaves the second unit out where there is none of it.
func two(a int, unitA string, b int, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}
	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}
