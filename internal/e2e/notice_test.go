package e2e

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestNotices(t *testing.T) {
	// ip rule add from 192.0.2.1 lookup 10002 suppress_prefixlength 0 priority 30000 protocol 110
	message := []byte{
		68, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		unix.AF_INET, 0, 32, 0, 0, 0, 0, 1, 0, 0, 0, 0,
		8, 0, unix.FRA_SRC, 0, 192, 0, 2, 1,
		8, 0, unix.FRA_PRIORITY, 0, 0x30, 0x75, 0, 0,
		8, 0, unix.FRA_SUPPRESS_PREFIXLEN, 0, 0, 0, 0, 0,
		8, 0, unix.FRA_TABLE, 0, 0x12, 0x27, 0, 0,
		5, 0, unix.FRA_PROTOCOL, 0, 110, 0, 0, 0,
	}
	found, done, interrupted, err := notices(message, time.Time{})
	require.NoError(t, err)
	assert.False(t, done)
	assert.False(t, interrupted)
	require.Len(t, found, 1)
	assert.Equal(t, PolicyRules(netip.MustParseAddr("192.0.2.1"), 10002)[0], found[0].Rule)
	assert.True(t, found[0].Own())

	message[0] = 200 // more than there is
	_, _, _, err = notices(message, time.Time{})
	assert.Error(t, err)
}
