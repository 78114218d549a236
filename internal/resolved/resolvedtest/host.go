// Package resolvedtest stands in for systemd-resolved, systemd-networkd and
// systemd-hostnamed on the bus of a test.
package resolvedtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/bustest"
)

// Units are the services that there can be.
const (
	Resolved  = "systemd-resolved"
	Networkd  = "systemd-networkd"
	Hostnamed = "systemd-hostnamed"
)

var objects = map[string]struct {
	name, iface string
	path        dbus.ObjectPath
}{
	Resolved:  {"org.freedesktop.resolve1", "org.freedesktop.resolve1.Manager", "/org/freedesktop/resolve1"},
	Networkd:  {"org.freedesktop.network1", "org.freedesktop.network1.Manager", "/org/freedesktop/network1"},
	Hostnamed: {"org.freedesktop.hostname1", "org.freedesktop.hostname1", "/org/freedesktop/hostname1"},
}

// Host is what the services know. While they are on the bus its fields are theirs,
// but for Change.
type Host struct {
	// Links are those that there are by index, before Export is called; those that
	// are Managed are networkd's.
	Links   map[int32]*Link
	Managed map[int32]bool
	// Deny is the D-Bus error of every call that would set something, but for the
	// first few of them, which are Allowed.
	Deny    string
	Allowed int
	// Hang holds calls up, if it is not nil.
	Hang chan struct{}
	// Name is the host's present name, Static the one in /etc/hostname.
	Name, Static string

	mu    sync.Mutex
	calls []string
}

// Link is what was said of a link.
type Link struct {
	DNS          []Server
	Domains      []Domain
	DefaultRoute bool
}

// Server and Domain are (iay) and (sb).
type Server struct {
	Family  int32
	Address []byte
}

// Domain is a search domain.
type Domain struct {
	Name        string
	RoutingOnly bool
}

type manager struct {
	h       *Host
	service string
}

type properties struct {
	h     *Host
	index int32
}

// Export puts services on the bus.
func (h *Host) Export(t *testing.T, b *bustest.Bus, units ...string) {
	t.Helper()
	for _, unit := range units {
		object := objects[unit]
		conn := b.Conn()
		require.NoError(t, conn.Export(manager{h, unit}, object.path, object.iface))
		if unit == Hostnamed {
			require.NoError(t, conn.Export(properties{h, 0}, object.path, "org.freedesktop.DBus.Properties"))
		}
		for index := range h.Links {
			require.NoError(t, conn.Export(properties{h, index}, linkObject(index), "org.freedesktop.DBus.Properties"))
		}
		reply, err := conn.RequestName(object.name, dbus.NameFlagDoNotQueue)
		require.NoError(t, err)
		require.Equal(t, dbus.RequestNameReplyPrimaryOwner, reply)
	}
}

func linkObject(index int32) dbus.ObjectPath {
	return dbus.ObjectPath(fmt.Sprintf("/org/freedesktop/resolve1/link/_3%d", index))
}

// Change changes what the fakes say.
func (h *Host) Change(what func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	what()
}

// Link returns what was said of a link, without parts for what was not.
func (h *Host) Link(index int) Link {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := *h.Links[int32(index)]
	return Link{append([]Server(nil), l.DNS...), append([]Domain(nil), l.Domains...), l.DefaultRoute}
}

// HostName returns the host's present name.
func (h *Host) HostName() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Name
}

// Told returns the calls that set something since it was last asked.
func (h *Host) Told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := h.calls
	h.calls = nil
	return calls
}

func (m manager) GetLink(index int32) (dbus.ObjectPath, *dbus.Error) {
	m.h.mu.Lock()
	hang := m.h.Hang
	m.h.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if m.h.Links[index] == nil {
		return "", dbus.NewError("org.freedesktop.resolve1.NoSuchLink", []any{"Link not known"})
	}
	return linkObject(index), nil
}

func (h *Host) denies() bool {
	if h.Deny == "" {
		return false
	}
	h.Allowed--
	return h.Allowed < 0
}

func (m manager) set(index int32, call string, change func(*Link)) *dbus.Error {
	m.h.mu.Lock()
	defer m.h.mu.Unlock()
	link := m.h.Links[index]
	switch {
	case m.h.denies():
		return dbus.NewError(m.h.Deny, []any{"no"})
	case link == nil:
		return dbus.NewError("org.freedesktop.resolve1.NoSuchLink", []any{"Link not known"})
	case m.service == Resolved && m.h.Managed[index]:
		return dbus.NewError("org.freedesktop.resolve1.LinkBusy", []any{"Link is managed."})
	}
	m.h.calls = append(m.h.calls, m.service+" "+call)
	change(link)
	return nil
}

func (m manager) SetLinkDNS(index int32, servers []Server) *dbus.Error {
	for _, s := range servers {
		if s.Family == 2 && len(s.Address) != 4 || s.Family == 10 && len(s.Address) != 16 {
			return dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", []any{"Invalid address size"})
		}
	}
	return m.set(index, fmt.Sprint("SetLinkDNS ", servers), func(l *Link) { l.DNS = servers })
}

func (m manager) SetLinkDomains(index int32, domains []Domain) *dbus.Error {
	return m.set(index, fmt.Sprint("SetLinkDomains ", domains), func(l *Link) { l.Domains = domains })
}

func (m manager) SetLinkDefaultRoute(index int32, enable bool) *dbus.Error {
	return m.set(index, fmt.Sprint("SetLinkDefaultRoute ", enable), func(l *Link) { l.DefaultRoute = enable })
}

func (m manager) RevertLink(index int32) *dbus.Error {
	if m.service != Resolved {
		return dbus.NewError("org.freedesktop.DBus.Error.UnknownMethod", nil)
	}
	return m.set(index, "RevertLink", func(l *Link) { *l = Link{} })
}

func (m manager) RevertLinkDNS(index int32) *dbus.Error {
	if m.service != Networkd {
		return dbus.NewError("org.freedesktop.DBus.Error.UnknownMethod", nil)
	}
	return m.set(index, "RevertLinkDNS", func(l *Link) { *l = Link{} })
}

func (m manager) SetHostname(name string, interactive bool) *dbus.Error {
	m.h.mu.Lock()
	defer m.h.mu.Unlock()
	if m.h.denies() {
		return dbus.NewError(m.h.Deny, []any{"no"})
	}
	m.h.calls = append(m.h.calls, fmt.Sprint("SetHostname ", name, " ", interactive))
	m.h.Name = name
	return nil
}

func (p properties) GetAll(string) (map[string]dbus.Variant, *dbus.Error) {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	link := p.h.Links[p.index]
	return map[string]dbus.Variant{
		"DNS": dbus.MakeVariant(slices.Clone(link.DNS)), "Domains": dbus.MakeVariant(slices.Clone(link.Domains)),
		"DefaultRoute": dbus.MakeVariant(link.DefaultRoute), "ScopesMask": dbus.MakeVariant(uint64(1)),
	}, nil
}

func (p properties) Get(_, property string) (dbus.Variant, *dbus.Error) {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	if property == "StaticHostname" {
		return dbus.MakeVariant(p.h.Static), nil
	}
	return dbus.MakeVariant(p.h.Name), nil
}
