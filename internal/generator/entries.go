package generator

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"time"
	"unicode"
)

// The units that are started or told something.
const (
	cloudTimer      = "netbrk-cloud-sync.timer"
	cloudPath       = "netbrk-cloud-sync.path"
	dhclientPath    = "netbrk-dhclient.path"
	dhclientService = "netbrk-dhclient.service"
	apiSocket       = "netbrk-api.socket"
)

const (
	wants = "netbrk.target.wants"
	// dropIn comes before the override.conf of systemctl edit, so that the host's
	// owner has the last word. systemd.unit(5).
	dropIn = "50-netbrk.conf"
	// leasesPending is the spool that the path unit's own file names.
	leasesPending = "/run/netbrk/leases-pending"
	// delay is the most that the timer's own file adds to each wait.
	delay = 30 * time.Second
)

// Settings are those that units depend on. What is left zero the units say
// themselves.
type Settings struct {
	// Refresh is how long after a fetch of the cloud's metadata the next one comes.
	Refresh time.Duration
	// Listen is where the API is.
	Listen netip.AddrPort
	// LeasePlaces are dhclient's lease files, or the directories that they are in.
	LeasePlaces []string
	// Cloud says that there is metadata to be asked for, and DHClient that there
	// are leases of dhclient to be looked at.
	Cloud, DHClient bool
}

// Entry is a file or a symbolic link below a generator's directory.
type Entry struct {
	Path string
	// Text is the content of a file, and Target where a link leads to; one of them
	// is empty.
	Text, Target string
}

// Entries returns what s takes, where units are the files in unitDir. What cannot
// be said in a unit file is left out, and is in the error.
func Entries(s Settings, unitDir string) ([]Entry, error) {
	var entries []Entry
	var problems []error
	add := func(unit string, lines []string, err error) {
		if err != nil {
			problems = append(problems, err)
		}
		if len(lines) > 0 {
			text := "# By netbrk-generator, from netbrk.toml(5).\n\n" + strings.Join(lines, "\n") + "\n"
			entries = append(entries, Entry{Path: path.Join(unit+".d", dropIn), Text: text})
		}
	}
	want := func(unit string) {
		entries = append(entries, Entry{Path: path.Join(wants, unit), Target: path.Join(unitDir, unit)})
	}
	if s.Cloud {
		add(cloudTimer, timerLines(s.Refresh), nil)
		want(cloudTimer)
		want(cloudPath)
	}
	if s.Listen.IsValid() {
		lines, err := socketLines(s.Listen)
		add(apiSocket, lines, err)
	}
	if s.DHClient {
		places, err := usable(s.LeasePlaces)
		add(dhclientPath, pathLines(places), err)
		add(dhclientService, bindLines(places), nil)
		want(dhclientPath)
	}
	return entries, errors.Join(problems...)
}

func timerLines(refresh time.Duration) []string {
	if refresh == 0 {
		return nil
	}
	// Each kind of setting is a list; the empty one makes it anew.
	lines := []string{"[Timer]", "OnUnitInactiveSec=", "OnUnitInactiveSec=" + timeSpan(refresh)}
	// What is asked for often is not to wait for longer than that by chance.
	if refresh < 10*delay {
		lines = append(lines, "RandomizedDelaySec="+timeSpan(refresh/10))
	}
	return lines
}

// timeSpan writes a duration as systemd.time(7) has it, which knows nothing
// shorter than a microsecond.
func timeSpan(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dus", d.Microseconds())
}

// socketLines has the scope after the port, as systemd.socket(5) does.
func socketLines(listen netip.AddrPort) ([]string, error) {
	zone := listen.Addr().Zone()
	if !plain(zone) {
		return nil, fmt.Errorf("the address %q of Listen cannot be said in a unit file", listen)
	}
	text := netip.AddrPortFrom(listen.Addr().WithZone(""), listen.Port()).String()
	if zone != "" {
		text += "%" + zone
	}
	return []string{"[Socket]", "ListenStream=", "ListenStream=" + noSpecifiers(text)}, nil
}

// pathLines empties the one list that all settings of a path unit share, so the
// spool, which is in it, is named again. systemd.path(5).
func pathLines(places []string) []string {
	if len(places) == 0 {
		return nil
	}
	lines := []string{"[Path]", "PathModified=", "DirectoryNotEmpty=" + leasesPending}
	for _, place := range places {
		lines = append(lines, "PathModified="+noSpecifiers(place))
	}
	return lines
}

// bindLines shows the service, whose root is its own, what it is to read.
func bindLines(places []string) []string {
	if len(places) == 0 {
		return nil
	}
	lines := []string{"[Service]"}
	for _, place := range places {
		lines = append(lines, "BindReadOnlyPaths="+noSpecifiers(quote("-"+place)))
	}
	return lines
}

// usable returns the places that can be watched, and an error for the rest.
func usable(places []string) (good []string, err error) {
	var problems []error
	for _, place := range places {
		switch {
		case !path.IsAbs(place) || !plain(place):
			problems = append(problems, fmt.Errorf("the path %q of LeaseFiles cannot be said in a unit file", place))
		case path.Clean(place) == "/":
			problems = append(problems, errors.New("the directory / of LeaseFiles cannot be shown to a service that has a root of its own"))
		default:
			good = append(good, place)
		}
	}
	return good, errors.Join(problems...)
}

// plain reports whether a value is one line, and the same once systemd has read
// it: blanks at its end are not, and a backslash there continues the line.
// systemd.syntax(7).
func plain(value string) bool {
	return !strings.ContainsFunc(value, unicode.IsControl) && strings.ToValidUTF8(value, "") == value &&
		strings.TrimSpace(value) == value && !strings.HasSuffix(value, `\`)
}

// noSpecifiers keeps systemd from expanding a value. systemd.unit(5).
func noSpecifiers(value string) string { return strings.ReplaceAll(value, "%", "%%") }

// quote makes a value one word, blanks and colons included. systemd.syntax(7).
func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
