package report

import (
	"net/netip"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// StatusSchema is the version of Status, see RulesSchema.
const StatusSchema = 1

// The words of Health.State.
const (
	HealthOK       = "ok"
	HealthDegraded = "degraded"
)

// The parts of Status that a Reason is about.
const (
	PartWatcher = "watcher"
	PartLinks   = "links"
	PartRules   = "rules"
	PartHooks   = "hooks"
	PartCloud   = "cloud"
	PartConfig  = "config"
)

// Status is what `netbrk status --json` prints and /api/v1/status serves. A part
// that was not looked at is absent.
type Status struct {
	SchemaVersion int    `json:"schema_version"`
	Version       string `json:"version"`
	HostName      string `json:"host_name,omitempty"`
	// Time is when it was looked at.
	Time   time.Time `json:"time"`
	Health Health    `json:"health"`
	// Notes say what could not be looked at, and what is so on purpose.
	Notes   []string      `json:"notes"`
	Watcher *WatcherState `json:"watcher,omitempty"`
	// Units are netbrk's, as systemd tells of them.
	Units []UnitStatus `json:"units,omitempty"`
	Links []LinkStatus `json:"links,omitempty"`
	Rules *RulesStatus `json:"rules,omitempty"`
	Hooks *HooksStatus `json:"hooks,omitempty"`
	Cloud *CloudStatus `json:"cloud,omitempty"`
}

// Health says whether anything is wrong, and what.
type Health struct {
	// State is "ok" or "degraded".
	State   string   `json:"state"`
	Reasons []Reason `json:"reasons"`
}

// Reason is a thing that is wrong.
type Reason struct {
	Part string `json:"part"`
	// Link is the one that it is about, empty for none.
	Link string `json:"link,omitempty"`
	What string `json:"what"`
	// Hint is what to type or edit, where that is known.
	Hint string `json:"hint,omitempty"`
}

// WatcherState tells of netbrk watch, and of what it leaves to others.
type WatcherState struct {
	// Running is nil where it could not be found out.
	Running *bool `json:"running"`
	PID     int   `json:"pid,omitempty"`
	// Pending counts what waits in all spools, Oldest is the age of the first of it
	// in seconds.
	Pending int     `json:"pending"`
	Oldest  float64 `json:"oldest_seconds,omitempty"`
	// Generators are those of the configuration.
	Generators []string      `json:"generators"`
	Spools     []SpoolStatus `json:"spools"`
}

// SpoolStatus tells of a directory below the state directory whose entries a
// oneshot takes.
type SpoolStatus struct {
	Spool   string  `json:"spool"`
	Pending int     `json:"pending"`
	Oldest  float64 `json:"oldest_seconds,omitempty"`
}

// UnitStatus is a unit in systemd's words, see systemctl(1).
type UnitStatus struct {
	Unit   string `json:"unit"`
	Load   string `json:"load"`
	Active string `json:"active"`
	Sub    string `json:"sub"`
}

// LinkStatus is a link as networkctl shows it, and what netbrk does with it.
type LinkStatus struct {
	Index int    `json:"ifindex"`
	Link  string `json:"link"`
	// Kind is "ether", "loopback" and the like, as in ip-link(8).
	Kind   string         `json:"kind,omitempty"`
	MAC    string         `json:"mac,omitempty"`
	MTU    int            `json:"mtu,omitempty"`
	States hostnet.States `json:"states"`
	// Addresses are those that reach beyond the link.
	Addresses []AddressStatus `json:"addresses"`
	// Gateways are those of main's default routes on the link.
	Gateways []netip.Addr `json:"gateways,omitempty"`
	// Watched says that its events count (Network.Links).
	Watched bool `json:"watched"`
	// Table is that of its policy routing, 0 for none.
	Table uint32 `json:"table,omitempty"`
	// Leases are dhclient's.
	Leases *LinkLeases `json:"dhclient,omitempty"`
}

// AddressStatus is an address of a link.
type AddressStatus struct {
	Address netip.Prefix `json:"address"`
	// Origin is "netbrk" for one that netbrk added, "dhclient" for a lease's.
	Origin string `json:"origin,omitempty"`
	// Flags are those of ip-address(8), such as "tentative" and "deprecated".
	Flags []string `json:"flags,omitempty"`
}

// RulesStatus is what policy routing should be, and what is amiss.
type RulesStatus struct {
	// Links are those that have, or should have, something of netbrk's.
	Links []LinkRules `json:"links"`
	// Want counts the rules, routes and addresses that should be there, Have those
	// of them that are. Have is nil where nobody looked at the kernel, and so are
	// Wanted and Missing.
	Want    int         `json:"want"`
	Have    *int        `json:"have"`
	Wanted  *RulesCount `json:"wanted,omitempty"`
	Missing *RulesCount `json:"missing,omitempty"`
	// Stale counts what carries netbrk's mark and should not be there.
	Stale int `json:"stale"`
	// Drift are the steps that apply-rules would take now, as commands of ip(8).
	Drift []string `json:"drift"`
	// Contended are the objects, with their link, that somebody keeps removing.
	Contended []string `json:"contended"`
	Problems  []string `json:"problems"`
}

// RulesCount counts what policy routing is made of.
type RulesCount struct {
	Rules     int `json:"rules"`
	Routes    int `json:"routes"`
	Addresses int `json:"addresses"`
}

// Sum adds them up.
func (c RulesCount) Sum() int { return c.Rules + c.Routes + c.Addresses }

// HooksStatus tells of scripts.
type HooksStatus struct {
	// Runs are the last ones, newest first.
	Runs []HookRun `json:"runs"`
	// Failures counts those of Runs that failed.
	Failures int `json:"failures"`
	// Failing are the scripts whose last run for a link failed.
	Failing []HookRun `json:"failing"`
	// Refused are scripts that do not run.
	Refused []RefusedHook `json:"refused"`
	// Unhandled counts spool entries that were set aside in failed/, the newest
	// first in Entries.
	Unhandled int            `json:"unhandled"`
	Entries   []RefusedEntry `json:"refused_entries"`
	// Dispatchers are units that run the same scripts besides netbrk.
	Dispatchers []string `json:"dispatchers,omitempty"`
}

// HookRun is what became of one script.
type HookRun struct {
	Hook      string    `json:"hook"`
	Directory string    `json:"directory"`
	Link      string    `json:"link,omitempty"`
	Index     int       `json:"ifindex"`
	EventID   string    `json:"event_id,omitempty"`
	Start     time.Time `json:"start"`
	// Duration is in seconds.
	Duration float64 `json:"duration_seconds"`
	Failed   bool    `json:"failed"`
	// Outcome is "exit status 1", "ended by SIGKILL", "done"….
	Outcome string `json:"outcome"`
	// LastLine is the end of what it printed.
	LastLine string `json:"last_line,omitempty"`
}

// RefusedHook is a script that does not run, and why.
type RefusedHook struct {
	Hook string `json:"hook"`
	Why  string `json:"why"`
}

// RefusedEntry is an entry of the spool that was no honest event, and why.
type RefusedEntry struct {
	Entry string    `json:"entry"`
	Why   string    `json:"why"`
	Time  time.Time `json:"time"`
}

// CloudStatus tells of the instance's metadata.
type CloudStatus struct {
	CloudSync

	// LastSync is when cloud-sync ended last; zero where it never ran.
	LastSync time.Time `json:"last_sync,omitzero"`
	// Next is when the timer asks again; zero where there is no timer.
	Next   time.Time      `json:"next,omitzero"`
	System hostnet.System `json:"system,omitzero"`
	NICs   []CloudLink    `json:"nics"`
	// Partial are the NICs of which the metadata lacks something, Rivals the other
	// agents at work, each with its link.
	Partial []string `json:"partial"`
	Rivals  []string `json:"rivals"`
}
