package journal

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type entry struct {
	message  string
	priority journal.Priority
	fields   map[string]string
}

func record(t *testing.T, level slog.Level) (*slog.Logger, *[]entry) {
	t.Helper()
	var entries []entry
	h := newHandler(nil, level, func(message string, p journal.Priority, fields map[string]string) error {
		entries = append(entries, entry{message, p, fields})
		return nil
	})
	return slog.New(h), &entries
}

func TestHandler(t *testing.T) {
	log, entries := record(t, slog.LevelInfo)
	log.Debug("nobody asked for this")
	log.Info("hook ran", "hook", "/etc/netbrk/routable.d/10-x", "link", "eth0", "took", 2*time.Millisecond)
	log.With("link", "eth1").Warn("hook failed", "err", errors.New("exit status 3"), "output", "a b\nc")
	log.Error("quiet")
	log.WithGroup("g").With("n", 1, slog.Group("", slog.Int("inline", 2))).Info("grouped", slog.Group("inner", "ifindex", 7), "trap-Ω", "x")
	assert.Equal(t, []entry{
		{"hook ran hook=/etc/netbrk/routable.d/10-x link=eth0 took=2ms", journal.PriInfo, map[string]string{
			"SYSLOG_IDENTIFIER": "netbrk", "HOOK": "/etc/netbrk/routable.d/10-x", "LINK": "eth0", "TOOK": "2ms",
		}},
		{`hook failed link=eth1 err="exit status 3" output="a b\nc"`, journal.PriWarning, map[string]string{
			"SYSLOG_IDENTIFIER": "netbrk", "LINK": "eth1", "ERR": "exit status 3", "OUTPUT": "a b\nc",
		}},
		{"quiet", journal.PriErr, map[string]string{"SYSLOG_IDENTIFIER": "netbrk"}},
		{"grouped g.n=1 g.inline=2 g.inner.ifindex=7 g.trap-Ω=x", journal.PriInfo, map[string]string{
			"SYSLOG_IDENTIFIER": "netbrk", "G_N": "1", "G_INLINE": "2", "G_INNER_IFINDEX": "7", "G_TRAP__": "x",
		}},
	}, *entries)
}

// TestHandlerNames: an attribute cannot pass for a field that journald or we set.
func TestHandlerNames(t *testing.T) {
	log, entries := record(t, slog.LevelInfo)
	log.Info("names", "_pid", "1", "message", "m", "PRIORITY", "0", "syslog_identifier", "sshd", "9lives", "cat", "", "void", "link", "a", "LINK", "b")
	assert.Equal(t, map[string]string{"SYSLOG_IDENTIFIER": "netbrk", "PID": "1", "LIVES": "cat", "LINK": "a"}, (*entries)[0].fields)
}

// TestHandlerFallback: without journald's socket a line goes to the stream, with
// its priority and as one line.
func TestHandlerFallback(t *testing.T) {
	var stream bytes.Buffer
	h := newHandler(&stream, slog.LevelInfo, func(string, journal.Priority, map[string]string) error {
		return errors.New("no AF_UNIX")
	})
	slog.New(h).Warn("first\nsecond", "link", "eth0")
	assert.Equal(t, "<4>first second link=eth0\n", stream.String())
}

func TestConnected(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "")
	require.NoError(t, os.Unsetenv("JOURNAL_STREAM"))
	assert.False(t, Connected())
	t.Setenv("JOURNAL_STREAM", "1:2")
	assert.False(t, Connected(), "of a service that a shell runs below")
	t.Setenv("JOURNAL_STREAM", "nonsense")
	assert.False(t, Connected())
}

// FuzzFieldName: journald drops an entry's field whose name it does not take
// (journal_field_valid() of systemd's libsystemd/sd-journal/journal-file.c).
func FuzzFieldName(f *testing.F) {
	for _, seed := range []string{"link", "_pid", "9lives", "trap-Ω", "a=b", "a\nMESSAGE", "", strings.Repeat("_x", 60), "priority"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		name := fieldName(key)
		assert.LessOrEqual(t, len(name), 64)
		assert.Empty(t, strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), "%q", name)
		if name != "" {
			assert.True(t, 'A' <= name[0] && name[0] <= 'Z', "%q", name)
		}
		assert.NotContains(t, []string{"MESSAGE", "PRIORITY"}, name)
		assert.Equal(t, name, fieldName(name), "a name of a field is one")
	})
}
