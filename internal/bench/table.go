package bench

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Row is one figure of netbrk, beside a peer's in the same run.
type Row struct {
	What string
	Case string // of it: a mode of the service, a number of addresses
	Unit string // of Ours and Theirs, empty for a count
	Ours float64
	// Peer is whose figure Theirs is. It is empty where nobody does the same.
	Peer   string
	Theirs float64
	Goal   Goal
}

// Goal is what a figure, or its ratio to the peer's, is to be at most. The zero
// value is none.
type Goal struct {
	most  float64
	ratio bool
}

// AtMost is a goal for the figure itself, in its unit.
func AtMost(figure float64) Goal { return Goal{most: figure} }

// Ratio is a goal for the figure divided by the peer's.
func Ratio(most float64) Goal { return Goal{most: most, ratio: true} }

// Met reports whether the goal of a row is met, or there is none.
func (r Row) Met() bool {
	switch {
	case r.Goal == Goal{}:
		return true
	case r.Goal.ratio:
		return r.Ours <= r.Goal.most*r.Theirs
	default:
		return r.Ours <= r.Goal.most
	}
}

func (r Row) cells() []string {
	peer, theirs, ratio := "none", "", ""
	if r.Peer != "" {
		peer, theirs, ratio = r.Peer, r.figure(r.Theirs), "-"
		if r.Theirs > 0 {
			ratio = fmt.Sprintf("%.2f", r.Ours/r.Theirs)
		}
	}
	goal, verdict := "", ""
	if r.Goal != (Goal{}) {
		most := thousands(strconv.FormatFloat(r.Goal.most, 'f', -1, 64))
		goal, verdict = strings.TrimSpace("<= "+most+" "+r.Unit), "met"
		if r.Goal.ratio {
			goal = "ratio <= " + most
		}
		if !r.Met() {
			verdict = "**MISSED**"
		}
	}
	return []string{r.What, r.Case, r.figure(r.Ours), theirs, peer, ratio, goal, verdict}
}

// figure has three digits or more, and no fraction of what is counted.
func (r Row) figure(value float64) string {
	decimals := 1
	switch {
	case r.Unit == "" || value >= 100:
		decimals = 0
	case value < 10:
		decimals = 2
	}
	return strings.TrimSpace(thousands(strconv.FormatFloat(value, 'f', decimals, 64)) + " " + r.Unit)
}

func thousands(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}

// Table is what a run has measured, by section. Tests that run side by side may
// add to it.
type Table struct {
	mu       sync.Mutex
	sections []string // in the order in which they are printed
	rows     map[string][]Row
}

// NewTable makes a table of the given sections.
func NewTable(sections ...string) *Table {
	return &Table{sections: sections, rows: make(map[string][]Row)}
}

// Add adds rows to a section, after those that are there.
func (t *Table) Add(section string, rows ...Row) {
	if !slices.Contains(t.sections, section) {
		panic(fmt.Sprintf("the table has no section %q", section))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[section] = append(t.rows[section], rows...)
}

// Write writes the table in Markdown, aligned for those who read it as it is, and
// which goals were missed.
func (t *Table) Write(w io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := [][]string{{"measured", "case", "netbrk", "peer's", "peer", "ratio", "goal", ""}}
	goals := 0
	var missed []string
	for _, section := range t.sections {
		if len(t.rows[section]) > 0 {
			lines = append(lines, append([]string{"**" + section + "**"}, make([]string, len(lines[0])-1)...))
		}
		for _, r := range t.rows[section] {
			lines = append(lines, r.cells())
			if r.Goal != (Goal{}) {
				goals++
			}
			if !r.Met() {
				missed = append(missed, r.What+", "+r.Case)
			}
		}
	}
	text := markdown(lines)
	text += fmt.Sprintf("\n%d of %d goals met", goals-len(missed), goals)
	if len(missed) > 0 {
		text += "; missed: " + strings.Join(missed, "; ")
	}
	_, err := io.WriteString(w, text+"\n")
	return err
}

// markdown renders lines of cells, the first of them the heads.
func markdown(lines [][]string) string {
	widths := make([]int, len(lines[0]))
	for _, cells := range lines {
		for i, c := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	rule := make([]string, len(widths))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", max(width, 3))
	}
	var b strings.Builder
	for _, cells := range slices.Insert(slices.Clone(lines), 1, rule) {
		for i, c := range cells {
			b.WriteString("| " + c + strings.Repeat(" ", max(widths[i], 3)-utf8.RuneCountInString(c)) + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// Median is the value in the middle, or the mean of the two there.
func Median(values []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
