package subcmd

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCleanMappings(t *testing.T) {
	const smaps = `00400000-006dc000 r-xp 00000000 00:1c 1234                       /usr/bin/netbrk
Rss:                1000 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
006dc000-009f0000 r--p 002dc000 00:1c 1234                       /usr/bin/netbrk
Anonymous:             4 kB
009f0000-00a10000 rw-p 005f0000 00:1c 1234                       /usr/bin/netbrk
Anonymous:             0 kB
00a10000-00a80000 r--p 005f0000 00:1c 1234                       /usr/bin/netbrk
Anonymous:             0 kB
c000000000-c000400000 rw-p 00000000 00:00 0
Anonymous:             0 kB
7ffd0000-7ffd2000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
7ffd4000-7ffd8000 r--s 00000000 00:1c 99                         /shared/file
Anonymous:             0 kB
`
	assert.Equal(t, []mapping{{0x400000, 0x6dc000}, {0xa10000, 0xa80000}}, cleanMappings([]byte(smaps)))
}

// TestTrim shows that a program goes on after its code was dropped.
func TestTrim(t *testing.T) {
	smaps, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	require.NotEmpty(t, cleanMappings(smaps))
	before := string(append([]byte(nil), licence...))
	trim()
	assert.Equal(t, before, licence)
}

// licence is a constant in the program's read-only data.
const licence = "Apache-2.0: a text that lies in a page which trim drops and the kernel brings back"
