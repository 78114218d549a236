package subcmd

import (
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/display"
)

// terminalOf returns the file behind w if it is a terminal.
func terminalOf(w io.Writer) (*os.File, bool) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return f, err == nil
}

// displayOptions say what can be shown on w.
func displayOptions(w io.Writer) display.Options {
	f, terminal := terminalOf(w)
	o := display.Options{Plain: !unicodeLocale(os.Getenv)}
	if terminal {
		// https://no-color.org: set and not empty.
		o.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
			o.Width = int(size.Col)
		}
	}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		o.Width = columns
	}
	return o
}

// unicodeLocale reports whether the terminal's characters are Unicode's, by locale(7).
// Who is not asked, a service or a program at the other end of a pipe, takes UTF-8.
func unicodeLocale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := getenv(name); value != "" {
			value = strings.ToUpper(value)
			return strings.HasSuffix(value, "UTF-8") || strings.HasSuffix(value, "UTF8")
		}
	}
	return getenv("TERM") != "linux" && getenv("TERM") != "vt220" // consoles without a locale
}
