package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startKicker runs a kicker whose reader is a script, and whose spool is the
// file "event". It returns a function that ends it.
func startKicker(b workbench, body string) (k *Kicker, end func()) {
	b.t.Setenv("D", b.path)
	empty := func() (bool, error) {
		_, err := os.Stat(b.at("event"))
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		return false, err
	}
	k = NewKicker(b.hook(body).Path, []string{"netbrk", "run-hooks"}, empty, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(b.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		k.Run(ctx)
	}()
	return k, func() {
		cancel()
		<-ended
	}
}

func TestKickerStartsTheReader(t *testing.T) {
	for name, value := range map[string]string{"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "NETBRK_CONFIG": "/etc/x"} {
		t.Setenv(name, value)
	}
	b := newWorkbench(t)
	told := b.fifo("told")
	b.file("event", "", 0o600)
	k, end := startKicker(b, `rm $D/event; echo "$*: $NOTIFY_SOCKET$WATCHDOG_USEC $NETBRK_CONFIG" >$D/told`)
	defer end()
	k.Kick()
	assert.Equal(t, "run-hooks:  /etc/x", b.line(told))

	b.file("event", "", 0o600)
	k.Kick()
	k.Kick() // one reader takes both
	assert.Equal(t, "run-hooks:  /etc/x", b.line(told))
}

func TestKickerStartsAnotherForWhatIsLeft(t *testing.T) {
	b := newWorkbench(t)
	told := b.fifo("told")
	b.file("event", "", 0o600)
	// The first one fails, the second leaves the event, the third has a script
	// that failed, which is no fault of its own.
	k, end := startKicker(b, `echo >>$D/runs; n=$(wc -l <$D/runs); echo $n >$D/told
		case $n in 1) exit 1;; 2) exit 0;; esac
		rm $D/event; exit 3`)
	defer end()
	k.Kick()
	for run := 1; run <= 3; run++ {
		assert.Equal(t, fmt.Sprint(run), b.line(told))
	}
}

func TestKickerTellsTheReaderToEnd(t *testing.T) {
	b := newWorkbench(t)
	told := b.fifo("told")
	b.file("event", "", 0o600)
	k, end := startKicker(b, `trap 'echo ended >$D/ended; exit' TERM; echo >$D/told; while :; do sleep 0.01; done`)
	k.Kick()
	b.line(told)
	end()
	ended, err := os.ReadFile(b.at("ended"))
	require.NoError(t, err)
	assert.Equal(t, "ended\n", string(ended))
}
