package metrics

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/internal/report/reporttest"
)

// parse reads text as Prometheus does.
func parse(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	require.NoError(t, err, string(text))
	return families
}

// value finds the one sample of a family that has these labels.
func value(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	require.Contains(t, families, name)
	var found []float64
	for _, m := range families[name].Metric {
		has := map[string]string{}
		for _, l := range m.Label {
			has[l.GetName()] = l.GetValue()
		}
		match := true
		for i := 0; i < len(labels); i += 2 {
			match = match && has[labels[i]] == labels[i+1]
		}
		if match {
			found = append(found, m.GetGauge().GetValue())
		}
	}
	require.Len(t, found, 1, "%s%q", name, labels)
	return found[0]
}

func full() report.Status {
	running := true
	return report.Status{
		Version: "1.0\"\\\n", Health: report.Health{State: "degraded", Reasons: []report.Reason{{Part: "rules"}, {Part: "rules"}, {Part: "cloud"}}},
		Watcher: &report.WatcherState{Running: &running, Spools: []report.SpoolStatus{{Spool: "events", Pending: 3, Oldest: 1.5}, {Spool: "rules-pending"}}},
		Links: []report.LinkStatus{
			{Index: 2, Link: `e"t\h`, Kind: "ether", Watched: true, Addresses: make([]report.AddressStatus, 2), States: hostnet.States{
				hostnet.OperationalState: "routable", hostnet.AdministrativeState: "configured",
			}},
			{Index: 3, Link: "wg0\xff", States: hostnet.States{hostnet.OperationalState: "off"}},
		},
		Rules: &report.RulesStatus{
			Wanted: &report.RulesCount{Rules: 7, Routes: 2, Addresses: 1}, Missing: &report.RulesCount{Rules: 3}, Stale: 1,
			Contended: []string{"x"}, Problems: []string{"y"}, Links: []report.LinkRules{{Link: "eth1", Problems: []string{"z"}}},
		},
		Hooks: &report.HooksStatus{
			Runs:     []report.HookRun{{Start: time.UnixMilli(1764300000250), Duration: 0.5}, {Duration: 30, Failed: true}, {Duration: 2}},
			Failures: 1, Failing: make([]report.HookRun, 1), Refused: make([]report.RefusedHook, 2), Unhandled: 4,
		},
		Cloud: &report.CloudStatus{
			CloudSync: report.CloudSync{Provider: "aws", Outcome: "partial"}, System: hostnet.System{InstanceID: "i-1"},
			LastSync: time.UnixMilli(1764300000000), Next: time.UnixMilli(1764300300000),
			NICs: make([]report.CloudLink, 2), Partial: []string{"a"}, Rivals: []string{"b"},
		},
	}
}

func TestText(t *testing.T) {
	families := parse(t, Text(full()))
	for _, tt := range []struct {
		want   float64
		name   string
		labels []string
	}{
		{1, "netbrk_build_info", []string{"version", "1.0\"\\\n"}},
		{0, "netbrk_healthy", nil},
		{2, "netbrk_reasons", []string{"part", "rules"}},
		{0, "netbrk_reasons", []string{"part", "hooks"}},
		{1, "netbrk_up", nil},
		{3, "netbrk_spool_events", []string{"spool", "events"}},
		{1.5, "netbrk_spool_oldest_age_seconds", []string{"spool", "events"}},
		{1, "netbrk_link_info", []string{"link", `e"t\h`, "ifindex", "2", "kind", "ether"}},
		{1, "netbrk_link_state", []string{"link", `e"t\h`, "state", "routable"}},
		{1, "netbrk_link_state", []string{"link", "wg0?", "state", "off"}},
		{1, "netbrk_link_administrative_state", []string{"link", `e"t\h`, "state", "configured"}},
		{2, "netbrk_link_addresses", []string{"link", `e"t\h`}},
		{0, "netbrk_link_watched", []string{"link", "wg0?"}},
		{7, "netbrk_rules_wanted", nil},
		{3, "netbrk_rules_missing", nil},
		{2, "netbrk_routes_wanted", nil},
		{0, "netbrk_routes_missing", nil},
		{1, "netbrk_addresses_wanted", nil},
		{1, "netbrk_rules_stale", nil},
		{1, "netbrk_rules_contended", nil},
		{2, "netbrk_rules_problems", nil},
		{2, "netbrk_hook_runs", []string{"result", "success"}},
		{1, "netbrk_hook_runs", []string{"result", "failure"}},
		{1, "netbrk_hooks_failing", nil},
		{2, "netbrk_hooks_refused", nil},
		{4, "netbrk_spool_refused_entries", nil},
		{1764300000.25, "netbrk_hook_last_run_timestamp_seconds", nil},
		{30, "netbrk_hook_longest_run_seconds", nil},
		{1, "netbrk_cloud_info", []string{"provider", "aws", "instance_id", "i-1"}},
		{1, "netbrk_cloud_sync_outcome", []string{"outcome", "partial"}},
		{1764300000, "netbrk_cloud_last_sync_timestamp_seconds", nil},
		{1764300300, "netbrk_cloud_next_sync_timestamp_seconds", nil},
		{2, "netbrk_cloud_nics", nil},
		{1, "netbrk_cloud_nics_partial", nil},
		{1, "netbrk_cloud_nics_rival", nil},
	} {
		assert.InDelta(t, tt.want, value(t, families, tt.name, tt.labels...), 0, tt.name)
	}
}

// TestWhatIsNotKnownHasNoMetric: a missing series can be alerted on, a zero lies.
func TestWhatIsNotKnownHasNoMetric(t *testing.T) {
	families := parse(t, Text(report.Status{Health: report.Health{State: "ok"}, Watcher: &report.WatcherState{}, Rules: &report.RulesStatus{}, Cloud: &report.CloudStatus{}, Hooks: &report.HooksStatus{}}))
	assert.InDelta(t, 1, value(t, families, "netbrk_healthy"), 0)
	for _, name := range []string{
		"netbrk_up", "netbrk_rules_wanted", "netbrk_rules_missing", "netbrk_link_state", "netbrk_cloud_last_sync_timestamp_seconds",
		"netbrk_cloud_next_sync_timestamp_seconds", "netbrk_hook_last_run_timestamp_seconds",
	} {
		assert.NotContains(t, families, name)
	}
}

// TestConventions holds names, units and types to what promtool's linter wants, and
// the text to what the parser forgives.
func TestConventions(t *testing.T) {
	text := string(Text(full()))
	name := regexp.MustCompile(`^netbrk_[a-z0-9]+(_[a-z0-9]+)*$`)
	for family, f := range parse(t, []byte(text)) {
		assert.Regexp(t, name, family)
		assert.NotEmpty(t, f.GetHelp(), family)
		assert.Equal(t, dto.MetricType_GAUGE, f.GetType(), family)
		for _, suffix := range []string{"_total", "_count", "_sum", "_bucket", "_milliseconds", "_minutes", "_gauge"} {
			assert.False(t, strings.HasSuffix(family, suffix), "%s is not for a gauge, or no base unit", family)
		}
		assert.Equal(t, 1, strings.Count(text, "# HELP "+family+" "), family)
		assert.Equal(t, 1, strings.Count(text, "# TYPE "+family+" "), family)
		seen := map[string]bool{}
		for _, m := range f.Metric {
			key := m.String()
			assert.False(t, seen[key], "%s twice", key)
			seen[key] = true
		}
	}
	assert.True(t, strings.HasSuffix(text, "\n"))
	assert.NotContains(t, text, "\r")
}

// FuzzText puts any text in place of every text of a document: the answer is one that
// Prometheus reads, of as many samples, with no label or line of the text's making.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "eth0", "a\"} 1\nnetbrk_up 0\n#", `\`, "\xff", "\r\n\x1b[2J", "\u2028{}"} {
		f.Add(text)
	}
	spoiler := reporttest.NewSpoiler(f, full())
	lines := bytes.Count(Text(spoiler.Spoil(f, "x")), []byte("\n"))
	f.Fuzz(func(t *testing.T, text string) {
		out := Text(spoiler.Spoil(t, text))
		if text != "" { // a state that is not known has no sample
			assert.Equal(t, lines, bytes.Count(out, []byte("\n")))
		}
		assert.True(t, utf8.Valid(out))
		for name := range parseAny(t, out) {
			assert.Contains(t, string(Text(full())), "# TYPE "+name+" gauge\n")
		}
	})
}

// parseAny is parse for a document in which series of equal texts are one and the same.
func parseAny(t *testing.T, text []byte) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "# ") {
			assert.Regexp(t, `^# (HELP netbrk_\w+ .*|TYPE netbrk_\w+ gauge)$`, line)
			continue
		}
		match := sample.FindStringSubmatch(line)
		if assert.NotNil(t, match, "%q", line) {
			names[match[1]] = true
		}
	}
	return names
}

var sample = regexp.MustCompile(`^(netbrk_\w+)(?:\{\w+="(?:[^"\\\n]|\\[\\"n])*"(?:,\w+="(?:[^"\\\n]|\\[\\"n])*")*\})? \S+$`)
