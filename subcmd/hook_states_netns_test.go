package subcmd

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestStatesOfNetworkdsFile: there is no bus, so what differs from the kernel's facts
// is the file's.
func TestStatesOfNetworkdsFile(t *testing.T) {
	r := newTargetsRun(t)
	r.networkd, r.netif = true, t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(r.netif, "links"), 0o755))
	file := hostnet.States{
		hostnet.OperationalState: "carrier", hostnet.AdministrativeState: "configuring", hostnet.CarrierState: "degraded-carrier",
	}
	write := func(operational string) {
		t.Helper()
		text := "OPER_STATE=" + operational + "\nADMIN_STATE=configuring\nCARRIER_STATE=degraded-carrier\n"
		require.NoError(t, os.WriteFile(filepath.Join(r.netif, "links", strconv.Itoa(r.index)), []byte(text), 0o644))
	}
	told := func(kind hostnet.Kind, property hostnet.Property, state string) hostnet.States {
		t.Helper()
		ev := hostnet.Event{Kind: kind, Index: r.index, Property: property, State: state}
		return r.input(t.Context(), ev, subject{index: r.index, name: "va"}).States
	}
	kernel := hostnet.States{hostnet.OperationalState: "carrier", hostnet.AdministrativeState: "configuring", hostnet.CarrierState: "carrier"}
	assertKernel := func(got hostnet.States, why string) {
		t.Helper()
		for p, word := range kernel {
			assert.Equal(t, word, got[p], "%s, %s", p, why)
		}
	}

	write("carrier")
	assert.Equal(t, file, told(hostnet.KindState, hostnet.OperationalState, "carrier"))
	assert.Equal(t, file, told(hostnet.KindState, hostnet.AdministrativeState, "configuring"))
	assertKernel(told(hostnet.KindState, hostnet.OperationalState, "routable"), "the event tells of what the file has not")
	assertKernel(told(hostnet.KindState, hostnet.AdministrativeState, "configured"), "the event tells of what the file has not")
	assertKernel(told(hostnet.KindAddresses, "", ""), "no event of networkd's")
	write("routable")
	assertKernel(told(hostnet.KindState, hostnet.OperationalState, "routable"), "the kernel has another state by now")
	require.NoError(t, os.Remove(filepath.Join(r.netif, "links", strconv.Itoa(r.index))))
	delete(kernel, hostnet.AdministrativeState)
	assertKernel(told(hostnet.KindState, hostnet.OperationalState, "carrier"), "there is no file")
}

// TestStatesForeseen: networkd, which is not there to be asked, has told that a carrier is
// lost and has not written that into its file yet.
func TestStatesForeseen(t *testing.T) {
	r := newTargetsRun(t)
	r.IP(t, "link set vb down")
	r.networkd, r.netif = true, t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(r.netif, "links"), 0o755))
	const text = "OPER_STATE=routable\nADMIN_STATE=configured\nCARRIER_STATE=carrier\nADDRESS_STATE=routable\nONLINE_STATE=online\n"
	const least = "REQUIRED_OPER_STATE_FOR_ONLINE=degraded:routable\n"
	foreseen := hostnet.States{
		hostnet.OperationalState: "no-carrier", hostnet.AdministrativeState: "configured", hostnet.CarrierState: "no-carrier",
		hostnet.AddressState: "off", hostnet.OnlineState: "offline",
	}
	signalled := hostnet.States{hostnet.OperationalState: "no-carrier", hostnet.AdministrativeState: "configured"}
	event := hostnet.Event{Kind: hostnet.KindState, Property: hostnet.OperationalState, State: "no-carrier"}
	byHand := event
	byHand.ByHand = true
	without := func(p hostnet.Property) hostnet.States { s := maps.Clone(foreseen); delete(s, p); return s }
	with := func(p hostnet.Property, word string) hostnet.States {
		s := maps.Clone(signalled)
		s[p] = word
		return s
	}
	of := func(p hostnet.Property, word string) hostnet.Event {
		ev := event
		ev.Property, ev.State = p, word
		return ev
	}
	tests := []struct {
		name      string
		file      string
		event     hostnet.Event
		signalled hostnet.States
		want      hostnet.States // nil where networkd has to be asked
	}{
		{"the kernel says the same", text + least, event, signalled, foreseen},
		{"one word", text + "REQUIRED_OPER_STATE_FOR_ONLINE=degraded\n", event, signalled, foreseen},
		{"a link that nobody waits for", strings.Replace(text, "ONLINE_STATE=online\n", "", 1), event, signalled, without(hostnet.OnlineState)},
		{"online without a carrier", text + "REQUIRED_OPER_STATE_FOR_ONLINE=no-carrier:routable\n", event, signalled, nil},
		{"online with what the file does not tell", text, event, signalled, nil},
		{"the kernel says otherwise", text + least, of(hostnet.OperationalState, "off"), with(hostnet.OperationalState, "off"), nil},
		{"a state with a carrier", text + least, of(hostnet.OperationalState, "routable"), with(hostnet.OperationalState, "routable"), nil},
		{"networkd has gone on since", text + least, event, with(hostnet.OperationalState, "degraded"), nil},
		{"so it has in its own work", text + least, event, with(hostnet.AdministrativeState, "configuring"), nil},
		{"the watcher has noted nothing", text + least, event, nil, nil},
		{"a state that the kernel does not know", text + least, of(hostnet.AdministrativeState, "configured"), signalled, nil},
		{"a file that tells nothing", "", event, hostnet.States{hostnet.OperationalState: "no-carrier"}, nil},
		{"by hand", text + least, byHand, signalled, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(r.netif, "links", strconv.Itoa(r.index)), []byte(test.file), 0o644))
			r.signalled = func(index int) hostnet.States {
				assert.Equal(t, r.index, index)
				return test.signalled
			}
			test.event.Index = r.index
			details, err := r.kernel.LinkDetails(t.Context(), r.index)
			require.NoError(t, err)
			derived := func() hostnet.States {
				return hostnet.DeriveStates(details.Link, nil, hostnet.ReachOff, hostnet.ReachOff)
			}
			got, ok := r.foreseen(test.event, r.linkFile(r.index), derived)
			assert.Equal(t, test.want != nil, ok)
			assert.Equal(t, test.want, got)
			if ok {
				assert.Equal(t, test.want, r.input(t.Context(), test.event, subject{index: r.index, name: "va"}).States)
			}
		})
	}
}
