// Package health decides what is wrong with netbrk on a host, and composes the
// document that says so. It takes facts as values; whoever has found them out has
// done all I/O, and a part that nobody looked at is left out, not taken for sound.
package health

import (
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// Facts are what was found out about a host at one moment.
type Facts struct {
	Version  string
	HostName string
	Now      time.Time
	// Parts are those that somebody wants to know of, report.PartLinks and its
	// like; none for all.
	Parts []string
	// Installed says that netbrk's units are there to be started: the hints name
	// them then, and netbrk's own verbs elsewhere.
	Installed bool
	// Notes say what could not be looked at.
	Notes  []string
	Config Config
	// Watcher is nil where nobody looked, as are Links, Rules, Hooks and Cloud.
	Watcher *Watcher
	// Units may hold others than netbrk's own.
	Units []hostnet.UnitState
	Links *Links
	Rules *Rules
	Hooks *Hooks
	Cloud *Cloud
}

// Config is what there is to say of the configuration.
type Config struct {
	// Broken are the mistakes with which nothing can be done.
	Broken []string
	// Unknown are keys that do not count because they are not known, Others
	// warnings that need no action.
	Unknown, Others []string
}

// Watcher tells of netbrk watch and of the spools.
type Watcher struct {
	// Running is nil where it could not be found out.
	Running    *bool
	PID        int
	Generators []string
	Spools     []Spool
}

// Spool is a directory whose entries a oneshot takes.
type Spool struct {
	Name    string
	Pending int
	Oldest  time.Time
	// Serving says that the oneshot is at work; nil where that is not known.
	Serving *bool
}

// Links are what the kernel, networkd and the state tell of links.
type Links struct {
	Facts []hostnet.LinkFacts
	// States are networkd's words, by ifindex; those of a link that it does not
	// tell of are derived from what the kernel says.
	States map[int]hostnet.States
	// Added are the addresses that netbrk put on a link, Leases dhclient's by
	// name, Tables the numbers of tables of netbrk's.
	Added   map[int]report.LinkRules
	Leases  map[string]report.LinkLeases
	Watched func(name string) bool
	// Networkd is what keeps networkd's words from us, where the configuration goes
	// by them and they are to be had.
	Networkd NetworkdFault
}

// NetworkdFault is why a networkd that should be heard is not; empty for nothing.
type NetworkdFault string

// What can be wrong with networkd, or with the bus between it and us.
const (
	BusSilent      NetworkdFault = "the system bus does not answer"
	BusDown        NetworkdFault = "the system bus is down"
	NetworkdSilent NetworkdFault = "systemd-networkd does not answer"
	NetworkdOffBus NetworkdFault = "systemd-networkd has lost the bus"
	NetworkdFailed NetworkdFault = "systemd-networkd.service has failed"
)

// Rules are what apply-rules did last, and what it would do now.
type Rules struct {
	// Records are the ledger's, by ifindex; 0 is the host's.
	Records map[int]report.LinkRules
	// Now is what apply-rules would find; nil where nobody looked at the kernel.
	Now *Drift
}

// Drift is what a dry run of apply-rules says.
type Drift struct {
	Links           []report.LinkRules
	Steps           []string
	Problems        []string
	Wanted, Missing report.RulesCount
	Stale           int
}

// Hooks are the results of scripts, and those that do not run.
type Hooks struct {
	// Runs are those that are kept, oldest first.
	Runs []report.HookRun
	// Gone are the paths of scripts that ran and do not exist any more: that one
	// of them failed is past.
	Gone    map[string]bool
	Refused []report.RefusedHook
	// Entries were set aside, oldest first.
	Entries []report.RefusedEntry
	// Dispatchers are units that run the same scripts besides netbrk.
	Dispatchers []string
}

// Cloud is what cloud-sync did last.
type Cloud struct {
	// Sync is the zero value before the first sync; then Provider and Why tell
	// what the machine looks like.
	Sync          report.CloudSync
	Provider, Why string
	LastSync      time.Time
	Next          time.Time
	// Every is how often the timer asks.
	Every  time.Duration
	System hostnet.System
	// NICs are those told of in this boot.
	NICs []report.CloudLink
}
