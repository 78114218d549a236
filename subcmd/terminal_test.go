package subcmd

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/display"
)

// newTerminal is a pty(7), 72 columns wide: the end that a program writes to, and the
// one at which its user sits.
func newTerminal(t *testing.T) (inside, outside *os.File) {
	t.Helper()
	outside, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { outside.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(outside.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(outside.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	inside, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { inside.Close() })
	require.NoError(t, unix.IoctlSetWinsize(int(inside.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 72, Row: 24}))
	return inside, outside
}

func TestDisplayOptions(t *testing.T) {
	terminal, _ := newTerminal(t)
	for _, tt := range []struct {
		name string
		env  map[string]string
		want display.Options
	}{
		{"a terminal", nil, display.Options{Width: 72, Colour: true}},
		{"NO_COLOR", map[string]string{"NO_COLOR": "1"}, display.Options{Width: 72}},
		{"NO_COLOR that is empty", map[string]string{"NO_COLOR": ""}, display.Options{Width: 72, Colour: true}},
		{"a dumb one", map[string]string{"TERM": "dumb"}, display.Options{Width: 72}},
		{"COLUMNS", map[string]string{"COLUMNS": "40"}, display.Options{Width: 40, Colour: true}},
		{"COLUMNS that is none", map[string]string{"COLUMNS": "-1"}, display.Options{Width: 72, Colour: true}},
		{"no Unicode", map[string]string{"LANG": "C"}, display.Options{Width: 72, Colour: true, Plain: true}},
		{"LC_ALL wins", map[string]string{"LANG": "C", "LC_ALL": "de_DE.utf8"}, display.Options{Width: 72, Colour: true}},
		{"console without a locale", map[string]string{"LANG": "", "TERM": "linux"}, display.Options{Width: 72, Colour: true, Plain: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range map[string]string{"NO_COLOR": "", "TERM": "xterm", "COLUMNS": "", "LANG": "C.UTF-8", "LC_ALL": "", "LC_CTYPE": ""} {
				t.Setenv(name, value)
			}
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			assert.Equal(t, tt.want, displayOptions(terminal))
		})
	}
	t.Run("a pipe", func(t *testing.T) {
		t.Setenv("TERM", "xterm")
		t.Setenv("COLUMNS", "")
		t.Setenv("LANG", "C.UTF-8")
		t.Setenv("LC_ALL", "")
		assert.Equal(t, display.Options{}, displayOptions(&bytes.Buffer{}))
	})
}
