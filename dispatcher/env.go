package dispatcher

import (
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// Input is what a hook's environment tells, as values: facts about the link are
// those of the moment the script starts.
type Input struct {
	// Event is the transition or change that is delivered.
	Event hostnet.Event
	// Link is the link's present name, or its last one where it is gone; empty
	// for an event that is about no link.
	Link string
	// States are the link's properties now, or for a manager event those of
	// networkd's manager. One that is not known is not there.
	States hostnet.States
	// Lease, DNS and Domain tell of the DHCP lease; empty without one. They come
	// from the network: the caller has checked each for what it claims to be.
	Lease, DNS, Domain string
	// JSON is the document about the link, on one line; empty for none and where
	// the configuration says EmitJSON=false.
	JSON []byte
	// JSONFile is the file that holds the same.
	JSONFile string
	// Networkctl is what networkd-dispatcher's scripts are told, less the states;
	// it may be left zero where there are none.
	Networkctl report.NetworkctlDocument
}

const (
	// maxArgStrlen is MAX_ARG_STRLEN of uapi/linux/binfmts.h for pages of 4 KiB:
	// a longer string, in bytes with its NUL, fails execve(2) with E2BIG.
	maxArgStrlen = 32 * 4096
	// maxValue bounds every other value, in bytes, so that all together stay below
	// 512 KiB. execve(2) grants a quarter of the stack's limit, usually 2 MiB.
	maxValue = 16 << 10

	hookPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// Environ builds the hook's environment from nothing: that of Environ, or what
// networkd-dispatcher would hand to a script of its own.
func (h Hook) Environ(in Input) (env, omitted []string) {
	if h.NetworkdDispatcher {
		return networkdDispatcherEnviron(in)
	}
	return Environ(in)
}

// Environ builds a hook's environment from nothing. The property that changed
// has the value of the event, as STATE has; CURRENT_STATE and all the others are
// those of now.
//
// A variable without a value is left out, and so is one that cannot be handed
// over whole: a value with a control character, or too long a one. The names of
// the latter are returned for the log.
func Environ(in Input) (env, omitted []string) {
	var v variables
	v.set("PATH", hookPath)
	v.set("LANG", "C.UTF-8")
	v.link(in)
	v.states(in)
	v.set("DHCP_LEASE", in.Lease)
	v.set("DNS", in.DNS)
	v.set("DOMAIN", in.Domain)
	v.setMax("JSON", string(in.JSON), maxArgStrlen-len("JSON=")-1)
	v.set("JSON_FILE", in.JSONFile)
	v.event(in.Event)
	return v.env, v.omitted
}

type variables struct{ env, omitted []string }

func (v *variables) set(name, value string) { v.setMax(name, value, maxValue) }

func (v *variables) setMax(name, value string, most int) {
	switch {
	case value == "":
	case len(value) > most || strings.ContainsFunc(value, isControl):
		v.omitted = append(v.omitted, name)
	default:
		v.env = append(v.env, name+"="+value)
	}
}

// isControl finds the NUL that would end a string early, the newline that would
// begin another variable in the output of env(1), and what a terminal obeys.
func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

func (v *variables) link(in Input) {
	switch in.Event.Kind {
	case hostnet.KindManager, hostnet.KindRules: // about the host
		return
	}
	v.set("LINK", in.Link)
	v.set("LINKINDEX", strconv.Itoa(in.Event.Index)) // 0: a route without a link
	v.set("PREVIOUS_LINK", in.Event.PreviousLink)
}

func (v *variables) states(in Input) {
	changed := in.Event.Property
	v.set("STATE", in.Event.State)
	v.set("PREVIOUS_STATE", in.Event.Previous)
	current := changed
	if current == "" {
		current = hostnet.OperationalState
	}
	v.set("CURRENT_STATE", in.States[current])
	for _, p := range hostnet.Properties() {
		value := in.States[p]
		if p == changed {
			value = in.Event.State
		}
		v.set(string(p), value)
	}
}

func (v *variables) event(e hostnet.Event) {
	v.set("EVENT_ID", e.ID)
	v.set("SEQNUM", strconv.FormatUint(e.Seq, 10))
	v.set("COALESCED", strconv.Itoa(e.Coalesced))
	v.set("ACTION", string(e.Action))
	v.set("ADDRESS", e.Address)
	v.set("ROUTE", e.Route)
}
