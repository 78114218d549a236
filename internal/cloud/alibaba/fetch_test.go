package alibaba

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
)

const (
	first  = macsKey + "00:16:3e:00:00:01/"
	second = macsKey + "00:16:3e:00:00:02/"
)

func getter(t *testing.T) *cloudtest.Getter {
	t.Helper()
	return cloudtest.Answering(t, ".txt", "two-nics")
}

// Each key that is there and used is asked for once, and no other.
func TestFetch(t *testing.T) {
	g := getter(t)
	m, err := Provider{}.Fetch(t.Context(), g)
	require.NoError(t, err)
	assert.Len(t, m.NICs, 2)
	assert.Empty(t, m.Missing)
	unused := []string{first + "netmask", second + "netmask", first + "vswitch-id", rootKey + "ram/security-credentials/role"}
	want := slices.DeleteFunc(slices.Collect(maps.Keys(g.Bodies)), func(key string) bool { return slices.Contains(unused, key) })
	assert.Equal(t, slices.Sorted(slices.Values(want)), g.Asked())
	assert.Len(t, g.Asked(), 30)
}

func TestFetchFailing(t *testing.T) {
	for _, tt := range []struct {
		name, key          string
		instance, one, two []string // what is missing of each
	}{
		{"primary", macKey, []string{macKey}, nil, nil},
		{"fact", rootKey + "hostname", []string{rootKey + "hostname"}, nil, nil},
		{"facts", rootKey, []string{rootKey}, nil, nil},
		{"SSH key", sshKeyDir + "0/openssh-key", []string{sshKeyDir + "0/openssh-key"}, nil, nil},
		{"list of a NIC", second, nil, nil, []string{macsKey, "primary-ip-address"}},
		{"addresses", first + "private-ipv4s", nil, []string{"private-ipv4s"}, nil},
		{"primary address", second + "primary-ip-address", nil, nil, []string{"primary-ip-address"}},
		{"subnet", second + "vswitch-cidr-block", nil, nil, []string{"vswitch-cidr-block"}},
		{"ID", second + "network-interface-id", nil, nil, []string{"network-interface-id"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Provider{}.Fetch(t.Context(), getter(t).Failing(tt.key, cloud.ErrNotReady))
			require.NoError(t, err)
			require.Len(t, m.NICs, 2)
			assert.Equal(t, tt.instance, m.Missing)
			assert.Equal(t, tt.one, m.NICs[0].Missing)
			assert.Equal(t, tt.two, m.NICs[1].Missing)
		})
	}
	_, err := Provider{}.Fetch(t.Context(), getter(t).Failing(macsKey, cloud.ErrRefused))
	assert.ErrorIs(t, err, cloud.ErrRefused)
}

func TestFetchAbsent(t *testing.T) {
	m, err := Provider{}.Fetch(t.Context(), getter(t).Without(rootKey))
	require.NoError(t, err)
	assert.Empty(t, m.Missing)
	assert.Empty(t, m.NICs[0].Missing)

	// Listed and gone: somebody is at work on the NIC.
	m, err = Provider{}.Fetch(t.Context(), getter(t).Without(second+"private-ipv4s"))
	require.NoError(t, err)
	assert.Equal(t, []string{"private-ipv4s"}, m.NICs[1].Missing)

	// The NIC is there before what is said of it.
	m, err = Provider{}.Fetch(t.Context(), getter(t).Without(second))
	require.NoError(t, err)
	assert.Equal(t, []string{"primary-ip-address"}, m.NICs[1].Missing)

	_, err = Provider{}.Fetch(t.Context(), getter(t).Without(macsKey))
	assert.ErrorIs(t, err, cloud.ErrAbsent)
}
