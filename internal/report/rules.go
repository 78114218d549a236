package report

import (
	"net/netip"
	"time"
)

// RulesSchema is the version of the documents about policy routing. It grows
// when a key is renamed, dropped or given another meaning, not when one is added.
const RulesSchema = 1

// RulesDocument is what `netbrk apply-rules --json` prints.
type RulesDocument struct {
	SchemaVersion int  `json:"schema_version"`
	DryRun        bool `json:"dry_run"`
	// Links are those that have, or had, a table of ours, by ifindex.
	Links []LinkRules `json:"links"`
	// Steps are what was done, or would be, as command lines of ip(8).
	Steps []string `json:"steps"`
	// Problems belong to no link.
	Problems []string `json:"problems"`
}

// Complete returns the document with empty lists where there were none: no
// list is ever null.
func (d RulesDocument) Complete() RulesDocument {
	if d.Links == nil {
		d.Links = []LinkRules{}
	}
	if d.Steps == nil {
		d.Steps = []string{}
	}
	if d.Problems == nil {
		d.Problems = []string{}
	}
	return d
}

// LinkRules is what apply-rules wants for a link and did: the file
// rules/<ifindex>.json, and a link of RulesDocument.
type LinkRules struct {
	Index int    `json:"ifindex"`
	Link  string `json:"link"`
	Table uint32 `json:"table"`
	// Addresses have rules: addresses as /32 or /128, and ranges.
	Addresses []netip.Prefix `json:"addresses"`
	// Routes are those of the table, as ip-route(8) takes them.
	Routes   []string      `json:"routes"`
	Gateway4 *RulesGateway `json:"gateway4,omitempty"`
	Gateway6 *RulesGateway `json:"gateway6,omitempty"`
	// Skipped says why a link that the configuration names gets nothing.
	Skipped string `json:"skipped,omitempty"`
	// Notes say what is left out, Problems what could not be done.
	Notes    []string `json:"notes,omitempty"`
	Problems []string `json:"problems,omitempty"`
	// Contended names the objects that somebody keeps removing: they are put
	// back more and more seldom.
	Contended []string `json:"contended,omitempty"`
	// Losses are the objects that went missing lately.
	Losses []Loss `json:"losses,omitempty"`
	// Flushed is true after --flush: nothing is added until apply-rules is run
	// for the link by hand.
	Flushed bool `json:"flushed,omitempty"`
	// Added are the addresses that netbrk put on the link, and MTUSet the MTU that
	// it gave it, because the cloud's metadata says so.
	Added  []netip.Prefix `json:"added,omitempty"`
	MTUSet int            `json:"mtu_set,omitempty"`
	// Changed is when a rule or route of the link was last written.
	Changed time.Time `json:"changed,omitzero"`
	// CarrierChanges is the link's counter of that time, which tells routes that
	// went with the carrier from those that somebody removed.
	CarrierChanges uint32 `json:"carrier_changes,omitempty"`
}

// RulesGateway is the gateway of a link's table.
type RulesGateway struct {
	// Address is not valid for a default route that needs no gateway.
	Address netip.Addr `json:"address,omitzero"`
	// Source says who told: "main table", "dhcp", "metadata", "subnet".
	Source string `json:"source,omitempty"`
}

// Loss is an object that was there and went missing.
type Loss struct {
	// Object is an address (its rules), a route, or the shared rule.
	Object string `json:"object"`
	// Count is how often it went missing, Since when it first did.
	Count int       `json:"count"`
	Since time.Time `json:"since"`
	// Added is when it was last put back, RetryAt when it will be next; zero
	// while it is put back at once.
	Added   time.Time `json:"added"`
	RetryAt time.Time `json:"retry_at,omitzero"`
	// Score grows with each loss, the more the sooner it follows a return.
	Score int `json:"score"`
}
