package subcmd

import (
	"os"
	"path/filepath"
	"strconv"
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
