// Package metrics writes the document of status in the text format of Prometheus,
// by its conventions of names and units. What was not looked at has no metric, so
// that nobody takes it for nothing.
package metrics

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// Text returns the metrics of a document, in version 0.0.4 of the format. All are gauges: netbrk keeps no counter
// over its runs.
func Text(doc report.Status) []byte {
	var w writer
	w.family("netbrk_build_info", "The version of netbrk that answers; always 1.")
	w.sample(1, "version", doc.Version)
	w.family("netbrk_healthy", "Whether nothing is wrong, as netbrk status says.")
	w.sample(truth(doc.Health.State == report.HealthOK))
	w.reasons(doc)
	if doc.Watcher != nil {
		w.watcher(*doc.Watcher)
	}
	if doc.Links != nil {
		w.links(doc.Links)
	}
	if doc.Rules != nil {
		w.rules(*doc.Rules)
	}
	if doc.Hooks != nil {
		w.hooks(*doc.Hooks)
	}
	if doc.Cloud != nil {
		w.cloud(*doc.Cloud)
	}
	return []byte(w.b.String())
}

// writer is text under way.
type writer struct {
	b    strings.Builder
	name string
}

// family begins the samples of one name.
func (w *writer) family(name, help string) {
	w.name = name
	w.b.WriteString("# HELP " + name + " " + escapeHelp(help) + "\n# TYPE " + name + " gauge\n")
}

// sample writes a value with labels, each a name and a value.
func (w *writer) sample(value float64, labels ...string) {
	w.b.WriteString(w.name)
	for i := 0; i+1 < len(labels); i += 2 {
		open := ","
		if i == 0 {
			open = "{"
		}
		w.b.WriteString(open + labels[i] + `="` + escapeValue(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		w.b.WriteString("}")
	}
	w.b.WriteString(" " + number(value) + "\n")
}

// single is a family of one sample without a label.
func (w *writer) single(name, help string, value float64) {
	w.family(name, help)
	w.sample(value)
}

func (w *writer) reasons(doc report.Status) {
	counts := map[string]int{}
	for _, r := range doc.Health.Reasons {
		counts[r.Part]++
	}
	w.family("netbrk_reasons", "What is wrong, counted by the part of netbrk that it is about.")
	for _, part := range []string{report.PartConfig, report.PartWatcher, report.PartLinks, report.PartRules, report.PartHooks, report.PartCloud} {
		w.sample(float64(counts[part]), "part", part)
	}
}

func (w *writer) watcher(s report.WatcherState) {
	if s.Running != nil {
		w.single("netbrk_up", "Whether netbrk watch is running.", truth(*s.Running))
	}
	w.family("netbrk_spool_events", "Entries that wait in a spool.")
	for _, spool := range s.Spools {
		w.sample(float64(spool.Pending), "spool", spool.Spool)
	}
	w.family("netbrk_spool_oldest_age_seconds", "How long the first entry of a spool has waited.")
	for _, spool := range s.Spools {
		w.sample(spool.Oldest, "spool", spool.Spool)
	}
}

func (w *writer) links(links []report.LinkStatus) {
	w.family("netbrk_link_info", "A link and what is known of it; always 1.")
	for _, l := range links {
		w.sample(1, "link", l.Link, "ifindex", strconv.Itoa(l.Index), "kind", l.Kind)
	}
	// A set of states, as OpenMetrics has it, would be 12 series for each link: the
	// word is a label here, and the value always 1.
	for _, s := range []struct {
		name, help string
		property   hostnet.Property
	}{
		{"netbrk_link_state", "The operational state of a link, as a label; always 1.", hostnet.OperationalState},
		{"netbrk_link_administrative_state", "What systemd-networkd says of its configuring a link, as a label; always 1.", hostnet.AdministrativeState},
	} {
		w.family(s.name, s.help)
		for _, l := range links {
			if state := l.States[s.property]; state != "" {
				w.sample(1, "link", l.Link, "state", state)
			}
		}
	}
	w.family("netbrk_link_addresses", "Addresses of a link beyond those of link scope.")
	for _, l := range links {
		w.sample(float64(len(l.Addresses)), "link", l.Link)
	}
	w.family("netbrk_link_watched", "Whether the events of a link count.")
	for _, l := range links {
		w.sample(truth(l.Watched), "link", l.Link)
	}
}

func (w *writer) rules(s report.RulesStatus) {
	if s.Wanted != nil && s.Missing != nil {
		for _, m := range []struct {
			what            string
			wanted, missing int
		}{
			{"rules", s.Wanted.Rules, s.Missing.Rules}, {"routes", s.Wanted.Routes, s.Missing.Routes}, {"addresses", s.Wanted.Addresses, s.Missing.Addresses},
		} {
			w.single("netbrk_"+m.what+"_wanted", "How many "+m.what+" there should be of netbrk's.", float64(m.wanted))
			w.single("netbrk_"+m.what+"_missing", "How many "+m.what+" of netbrk's are missing.", float64(m.missing))
		}
		w.single("netbrk_rules_stale", "Rules, routes and addresses of netbrk's that should not be there.", float64(s.Stale))
	}
	w.single("netbrk_rules_contended", "Objects that somebody keeps removing.", float64(len(s.Contended)))
	w.family("netbrk_link_rules_addresses", "Addresses of a link that should have rules.")
	problems := len(s.Problems)
	for _, l := range s.Links {
		w.sample(float64(len(l.Addresses)), "link", l.Link)
		problems += len(l.Problems)
	}
	w.single("netbrk_rules_problems", "What apply-rules could not do when it ran last.", float64(problems))
}

func (w *writer) hooks(s report.HooksStatus) {
	w.family("netbrk_hook_runs", "Runs of scripts that are remembered, by how they ended.")
	w.sample(float64(len(s.Runs)-s.Failures), "result", "success")
	w.sample(float64(s.Failures), "result", "failure")
	w.single("netbrk_hooks_failing", "Scripts whose last run for a link failed.", float64(len(s.Failing)))
	w.single("netbrk_hooks_refused", "Scripts that do not run because they are not trusted.", float64(len(s.Refused)))
	w.single("netbrk_spool_refused_entries", "Entries of the spool that were refused and set aside.", float64(s.Unhandled))
	if len(s.Runs) > 0 {
		w.single("netbrk_hook_last_run_timestamp_seconds", "When a script was started last.", timestamp(s.Runs[0].Start))
		longest := slices.MaxFunc(s.Runs, func(a, b report.HookRun) int { return cmp.Compare(a.Duration, b.Duration) })
		w.single("netbrk_hook_longest_run_seconds", "How long the longest of the runs took.", longest.Duration)
	}
}

func (w *writer) cloud(s report.CloudStatus) {
	w.family("netbrk_cloud_info", "The cloud that the host is an instance of; always 1.")
	w.sample(1, "provider", s.Provider, "instance_id", s.System.InstanceID)
	w.family("netbrk_cloud_sync_outcome", "How the last sync ended, as a label; always 1.")
	if s.Outcome != "" {
		w.sample(1, "outcome", s.Outcome)
	}
	if !s.LastSync.IsZero() {
		w.single("netbrk_cloud_last_sync_timestamp_seconds", "When cloud-sync ended last.", timestamp(s.LastSync))
	}
	if !s.Next.IsZero() {
		w.single("netbrk_cloud_next_sync_timestamp_seconds", "When the timer has cloud-sync run next.", timestamp(s.Next))
	}
	w.single("netbrk_cloud_nics", "Network cards that the metadata tells of and the host has.", float64(len(s.NICs)))
	w.single("netbrk_cloud_nics_partial", "Network cards of which the metadata lacks something.", float64(len(s.Partial)))
	w.single("netbrk_cloud_nics_rival", "Network cards that are left to another agent.", float64(len(s.Rivals)))
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func timestamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// escapeValue and escapeHelp are the format's, which is UTF-8.
func escapeValue(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "?"))
}

func escapeHelp(s string) string { return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(s) }
