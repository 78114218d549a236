package hostnet

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Kind says what changed.
type Kind string

// The kinds of event. State, manager and links events are edges: each is
// delivered, in order. The others are levels: pending ones of a link merge.
const (
	KindState     Kind = "state"     // a link's operational or administrative state
	KindManager   Kind = "manager"   // networkd's own operational state
	KindLinks     Kind = "links"     // a link appeared, vanished or was renamed
	KindAddresses Kind = "addresses" // a link's addresses
	KindRoutes    Kind = "routes"    // a link's routes; ifindex 0: routes without a link
	KindRules     Kind = "rules"     // the routing policy rules of the host; ifindex 0
	KindLeases    Kind = "leases"    // a link's DHCP lease
)

// Kinds lists every kind of event.
func Kinds() []Kind {
	return []Kind{KindState, KindManager, KindLinks, KindAddresses, KindRoutes, KindRules, KindLeases}
}

// IsKind reports whether k is a known kind.
func IsKind(k Kind) bool { return slices.Contains(Kinds(), k) }

// IsLevel reports whether pending events of this kind merge into one.
func (k Kind) IsLevel() bool {
	switch k {
	case KindAddresses, KindRoutes, KindRules, KindLeases:
		return true
	}
	return false
}

// Action says what happened to a links or level event's object.
type Action string

// The actions. A level event of several differences is a change.
const (
	ActionAdded   Action = "added"
	ActionRemoved Action = "removed"
	ActionRenamed Action = "renamed"
	ActionChanged Action = "changed"
)

// IsAction reports whether a is known; the empty action is that of a state.
func IsAction(a Action) bool {
	switch a {
	case "", ActionAdded, ActionRemoved, ActionRenamed, ActionChanged:
		return true
	}
	return false
}

// Event is one difference between what was and what is. As JSON it is the
// content of a spool file and a line of `netbrk watch --print`.
type Event struct {
	// ID is unique among all events of a boot, across restarts of the watcher.
	ID string `json:"id"`
	// Seq grows with every event of the watcher, across its restarts, which leave
	// gaps; a merged event has a new one.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	// Index is the link's ifindex; 0 where no link is meant.
	Index int `json:"ifindex"`
	// Link is the link's name when the event was made. A reader looks the
	// present name up by Index and trusts this one for nothing.
	Link string `json:"link,omitempty"`
	// Property, State and Previous are those of state and manager events.
	Property Property `json:"property,omitempty"`
	State    string   `json:"state,omitempty"`
	Previous string   `json:"previous,omitempty"`
	// Action is that of links and level events.
	Action Action `json:"action,omitempty"`
	// PreviousLink is the former name of a renamed link.
	PreviousLink string `json:"previous_link,omitempty"`
	// Address or Route is the changed one, in the notation of ip(8), when the
	// event is about a single one; for rules it is not told.
	Address string `json:"address,omitempty"`
	Route   string `json:"route,omitempty"`
	// Coalesced counts the earlier events that were merged into this one.
	Coalesced int `json:"coalesced,omitempty"`
	// Generator is GeneratorDHClient for a lease of ISC dhclient's, else empty.
	Generator string `json:"generator,omitempty"`
	// ByHand is of an event that somebody asked for by run-hooks --link: for any
	// link, and without its target. No file can say so.
	ByHand bool `json:"-"`
}

// GeneratorDHClient marks an event of a lease that ISC dhclient keeps.
const GeneratorDHClient = "dhclient"

// maxText bounds each text of an event: a route in ip(8)'s notation is the
// longest.
const maxText = 256

// Validate returns an error if e is not an event that the watcher can make:
// an unknown kind, state or action, a name no link can have, or a text that
// is not what it is called. A spool file is a hint from another user; only a
// valid one is looked at further, and what it says reaches scripts.
func (e Event) Validate() error {
	if !IsKind(e.Kind) {
		return fmt.Errorf("kind %q is unknown", e.Kind)
	}
	if e.Index < 0 || int64(e.Index) > 1<<31-1 {
		return fmt.Errorf("ifindex %d is out of range", e.Index)
	}
	if !IsAction(e.Action) {
		return fmt.Errorf("action %q is unknown", e.Action)
	}
	if e.Generator != "" && (e.Generator != GeneratorDHClient || e.Kind != KindLeases) {
		return fmt.Errorf("generator %q of event of kind %q is unknown", e.Generator, e.Kind)
	}
	if e.Coalesced < 0 {
		return fmt.Errorf("coalesced count %d is negative", e.Coalesced)
	}
	for _, name := range []string{e.Link, e.PreviousLink} {
		if name != "" && !ValidLinkName(name) {
			return fmt.Errorf("link name %q is not one the kernel accepts", name)
		}
	}
	for _, text := range []struct {
		what, value string
		is          func(string) bool
	}{{"identity", e.ID, isIDText}, {"address", e.Address, isAddressText}, {"route", e.Route, isRouteText}} {
		if text.value != "" && (len(text.value) > maxText || !text.is(text.value)) {
			return fmt.Errorf("%s %.40q is none", text.what, text.value)
		}
	}
	return e.validateKind()
}

func (e Event) validateKind() error {
	if e.Kind != KindState && e.Kind != KindManager && (e.Property != "" || e.State != "" || e.Previous != "") {
		return fmt.Errorf("event of kind %q tells a state", e.Kind)
	}
	switch e.Kind {
	case KindState:
		if e.Property != OperationalState && e.Property != AdministrativeState {
			return fmt.Errorf("property %q has no hooks", e.Property)
		}
		if !IsState(e.Property, e.State) {
			return fmt.Errorf("state %q is not one of %s", e.State, e.Property)
		}
		if e.Previous != "" && !IsState(e.Property, e.Previous) {
			return fmt.Errorf("previous state %q is not one of %s", e.Previous, e.Property)
		}
	case KindManager:
		if e.Property != OperationalState || !IsState(OperationalState, e.State) {
			return fmt.Errorf("manager state %s=%q is unknown", e.Property, e.State)
		}
		if e.Previous != "" && !IsState(OperationalState, e.Previous) {
			return fmt.Errorf("previous manager state %q is unknown", e.Previous)
		}
		if e.Index != 0 {
			return fmt.Errorf("manager event names ifindex %d", e.Index)
		}
	case KindLinks, KindAddresses, KindLeases:
		if e.Action == "" {
			return fmt.Errorf("event of kind %q has no action", e.Kind)
		}
	}
	perLink := e.Kind == KindState || e.Kind == KindLinks || e.Kind == KindAddresses || e.Kind == KindLeases
	if perLink && e.Index == 0 {
		return fmt.Errorf("event of kind %q names no link", e.Kind)
	}
	return nil
}

// Directory returns the name of the hook directory for e, such as
// "routable.d": a word of netbrk's own lists, never one from a message. It is
// empty for a state that no hooks exist for.
func (e Event) Directory() string {
	switch e.Kind {
	case KindState:
		if IsLinkState(e.State) {
			return e.State + ".d"
		}
		return ""
	case KindManager, KindLinks, KindAddresses, KindRoutes, KindRules, KindLeases:
		return string(e.Kind) + ".d"
	}
	return ""
}

// ParseEvent reads one event and validates it.
func ParseEvent(raw []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(raw, &e); err != nil {
		return Event{}, fmt.Errorf("parsing event: %w", err)
	}
	if err := e.Validate(); err != nil {
		return Event{}, err
	}
	return e, nil
}

// Directories lists every hook directory: one for each link state, and one
// for each other kind of event.
func Directories() []string {
	var dirs []string
	for _, s := range LinkStates() {
		dirs = append(dirs, s+".d")
	}
	for _, k := range Kinds() {
		if k != KindState {
			dirs = append(dirs, string(k)+".d")
		}
	}
	return dirs
}
