package subcmd

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The exit statuses, as netbrk(1) lists them.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2 // units: RestartPreventExitStatus=2
	exitPartial = 3 // and of status: degraded
	// exitTemporary is EX_TEMPFAIL of sysexits.h.
	exitTemporary = 75
)

var (
	// errPartial marks a run that did its work but for some hooks or links.
	errPartial = errors.New("done in part")
	// errTemporary marks what may go well a little later.
	errTemporary = errors.New("try again")
	// errAllUnknown is of a run none of whose links is there.
	errAllUnknown = errors.New("nothing was done")
	// errUsage marks a command line or a configuration that cannot be used.
	errUsage = errors.New("usage")
)

// hinted is an error with what to type or edit.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func withHint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// marked is an error of a class that has an exit status of its own, without
// that class in its text.
type marked struct {
	error
	class error
}

func (m marked) Unwrap() []error { return []error{m.error, m.class} }

func notReady(err error) error { return marked{err, errTemporary} }

func usageError(err error) error { return marked{err, errUsage} }

// finish prints an error as one line, with a hint where there is one, and
// returns the exit status it stands for.
func finish(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errPartial) {
		return exitPartial // each failure was logged when it happened
	}
	fmt.Fprintf(stderr, "netbrk: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	var h hinted
	if errors.As(err, &h) {
		fmt.Fprintf(stderr, "netbrk: hint: %s\n", h.hint)
	}
	switch {
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errTemporary):
		return exitTemporary
	}
	return exitFailed
}
