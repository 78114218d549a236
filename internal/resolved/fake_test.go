package resolved

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/bustest"
)

// fakeHost stands for resolved, networkd and hostnamed. Link 7 is networkd's, link
// 3 is nobody's, and there is no other.
type fakeHost struct {
	mu      sync.Mutex
	calls   []string
	links   map[int32]*fakeLink
	deny    string        // the error of every call that sets something
	hang    chan struct{} // calls wait for it, if it is not nil
	now     string
	static  string
	managed int32
}

type fakeLink struct {
	DNS          []server
	Domains      []domain
	DefaultRoute bool
}

type fakeManager struct {
	h       *fakeHost
	service string
}

type fakeProperties struct {
	h     *fakeHost
	index int32
}

func newFakeHost() *fakeHost {
	return &fakeHost{links: map[int32]*fakeLink{3: {}, 7: {}}, managed: 7, now: "before"}
}

// export puts the services on the bus.
func (h *fakeHost) export(t *testing.T, b *bustest.Bus, services ...service) {
	t.Helper()
	for _, s := range services {
		conn := b.Conn()
		require.NoError(t, conn.Export(fakeManager{h, s.unit}, s.path, s.iface))
		if s.unit == hostname1.unit {
			require.NoError(t, conn.Export(fakeProperties{h, 0}, s.path, "org.freedesktop.DBus.Properties"))
		}
		for index := range h.links {
			require.NoError(t, conn.Export(fakeProperties{h, index}, linkObject(index), "org.freedesktop.DBus.Properties"))
		}
		reply, err := conn.RequestName(s.name, dbus.NameFlagDoNotQueue)
		require.NoError(t, err)
		require.Equal(t, dbus.RequestNameReplyPrimaryOwner, reply)
	}
}

func linkObject(index int32) dbus.ObjectPath {
	return dbus.ObjectPath(fmt.Sprintf("/org/freedesktop/resolve1/link/_3%d", index))
}

// change changes what the fakes say.
func (h *fakeHost) change(what func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	what()
}

// told returns the calls that set something since it was last asked.
func (h *fakeHost) told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := h.calls
	h.calls = nil
	return calls
}

func (m fakeManager) GetLink(index int32) (dbus.ObjectPath, *dbus.Error) {
	m.h.mu.Lock()
	hang := m.h.hang
	m.h.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if m.h.links[index] == nil {
		return "", dbus.NewError("org.freedesktop.resolve1.NoSuchLink", []any{"Link not known"})
	}
	return linkObject(index), nil
}

func (m fakeManager) set(index int32, call string, change func(*fakeLink)) *dbus.Error {
	m.h.mu.Lock()
	defer m.h.mu.Unlock()
	link := m.h.links[index]
	switch {
	case m.h.deny != "":
		return dbus.NewError(m.h.deny, []any{"no"})
	case link == nil:
		return dbus.NewError("org.freedesktop.resolve1.NoSuchLink", []any{"Link not known"})
	case m.service == resolve1.unit && index == m.h.managed:
		return dbus.NewError("org.freedesktop.resolve1.LinkBusy", []any{"Link is managed."})
	}
	m.h.calls = append(m.h.calls, m.service+" "+call)
	change(link)
	return nil
}

func (m fakeManager) SetLinkDNS(index int32, servers []server) *dbus.Error {
	for _, s := range servers {
		if s.Family == 2 && len(s.Address) != 4 || s.Family == 10 && len(s.Address) != 16 {
			return dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", []any{"Invalid address size"})
		}
	}
	return m.set(index, fmt.Sprint("SetLinkDNS ", servers), func(l *fakeLink) { l.DNS = servers })
}

func (m fakeManager) SetLinkDomains(index int32, domains []domain) *dbus.Error {
	return m.set(index, fmt.Sprint("SetLinkDomains ", domains), func(l *fakeLink) { l.Domains = domains })
}

func (m fakeManager) SetLinkDefaultRoute(index int32, enable bool) *dbus.Error {
	return m.set(index, fmt.Sprint("SetLinkDefaultRoute ", enable), func(l *fakeLink) { l.DefaultRoute = enable })
}

func (m fakeManager) RevertLink(index int32) *dbus.Error {
	if m.service != resolve1.unit {
		return dbus.NewError("org.freedesktop.DBus.Error.UnknownMethod", nil)
	}
	return m.set(index, "RevertLink", func(l *fakeLink) { *l = fakeLink{} })
}

func (m fakeManager) RevertLinkDNS(index int32) *dbus.Error {
	if m.service != network1.unit {
		return dbus.NewError("org.freedesktop.DBus.Error.UnknownMethod", nil)
	}
	return m.set(index, "RevertLinkDNS", func(l *fakeLink) { *l = fakeLink{} })
}

func (m fakeManager) SetHostname(name string, interactive bool) *dbus.Error {
	m.h.mu.Lock()
	defer m.h.mu.Unlock()
	if m.h.deny != "" {
		return dbus.NewError(m.h.deny, []any{"no"})
	}
	m.h.calls = append(m.h.calls, fmt.Sprint("SetHostname ", name, " ", interactive))
	m.h.now = name
	return nil
}

func (p fakeProperties) GetAll(string) (map[string]dbus.Variant, *dbus.Error) {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	link := p.h.links[p.index]
	return map[string]dbus.Variant{
		"DNS": dbus.MakeVariant(slices.Clone(link.DNS)), "Domains": dbus.MakeVariant(slices.Clone(link.Domains)),
		"DefaultRoute": dbus.MakeVariant(link.DefaultRoute), "ScopesMask": dbus.MakeVariant(uint64(1)),
	}, nil
}

func (p fakeProperties) Get(_, property string) (dbus.Variant, *dbus.Error) {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	if property == "StaticHostname" {
		return dbus.MakeVariant(p.h.static), nil
	}
	return dbus.MakeVariant(p.h.now), nil
}
