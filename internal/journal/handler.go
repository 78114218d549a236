// Package journal hands log records to systemd-journald with a field for each of
// their attributes, so that journalctl(1) can select by them. It decides on no
// level and no format for anybody else: what does not go to the journal is not its
// business.
package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/journal"
)

// identifier is what journalctl --identifier= knows us by, whatever the file of
// the program is called.
const identifier = "netbrk"

// Connected reports whether standard error is a stream to journald, by what
// systemd says of it in JOURNAL_STREAM, systemd.exec(5). In a shell below such a
// service it may be something else by now.
func Connected() bool {
	is, err := journal.StderrIsJournalStream()
	return is && err == nil
}

// send is what Handler sends by.
type send func(message string, priority journal.Priority, fields map[string]string) error

// Handler is a slog.Handler. The message of an entry is the whole line, attributes
// included, as somebody reads it; the fields are for whoever selects.
type Handler struct {
	level slog.Leveler
	send  send
	*lines

	text   slog.Handler      // writes into lines
	fields map[string]string // those that each entry has
	prefix string            // of the names of further ones, by groups
}

// lines renders one line at a time.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
	// fallback takes what journald's socket does not: a sandbox without AF_UNIX
	// leaves the stream alone, which knows a priority and no fields.
	fallback io.Writer
}

// NewHandler returns a handler for records of at least this level. Those that
// cannot be sent go to the stream.
func NewHandler(stream io.Writer, level slog.Leveler) *Handler {
	return newHandler(stream, level, journal.Send)
}

func newHandler(stream io.Writer, level slog.Leveler, send send) *Handler {
	h := &Handler{
		level: level, send: send, lines: &lines{fallback: stream},
		fields: map[string]string{"SYSLOG_IDENTIFIER": identifier},
	}
	h.text = slog.NewTextHandler(&h.buf, &slog.HandlerOptions{Level: level, ReplaceAttr: attributesAlone})
	return h
}

// attributesAlone leaves out what an entry has fields for, and what opens its line.
func attributesAlone(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch attr.Key {
		case slog.TimeKey, slog.LevelKey, slog.MessageKey:
			return slog.Attr{}
		}
	}
	return attr
}

// Enabled is that of slog.Handler.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level.Level() }

// WithAttrs is that of slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.text = h.text.WithAttrs(attrs)
	with.fields = maps.Clone(h.fields)
	for _, attr := range attrs {
		addField(with.fields, h.prefix, attr)
	}
	return &with
}

// WithGroup is that of slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.text, with.prefix = h.text.WithGroup(name), h.prefix+name+"_"
	return &with
}

// Handle is that of slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	fields := maps.Clone(h.fields)
	r.Attrs(func(attr slog.Attr) bool {
		addField(fields, h.prefix, attr)
		return true
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf.Reset()
	if err := h.text.Handle(ctx, r); err != nil {
		return err
	}
	line := r.Message
	if attrs := strings.TrimSpace(h.buf.String()); attrs != "" {
		line += " " + attrs
	}
	p := priority(r.Level)
	sent := h.send(line, p, fields)
	if sent == nil {
		return nil
	}
	// The prefix is sd-daemon(3)'s: a stream has no other way to tell a priority.
	if _, err := fmt.Fprintf(h.fallback, "<%d>%s\n", p, strings.ReplaceAll(line, "\n", " ")); err != nil {
		return errors.Join(sent, err)
	}
	return nil
}

// priority is the one of syslog(3) for a level.
func priority(level slog.Level) journal.Priority {
	switch {
	case level >= slog.LevelError:
		return journal.PriErr
	case level >= slog.LevelWarn:
		return journal.PriWarning
	case level >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}

// addField adds an attribute under the name that the journal knows it by.
func addField(fields map[string]string, prefix string, attr slog.Attr) {
	value := attr.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if attr.Key != "" {
			prefix += attr.Key + "_"
		}
		for _, member := range value.Group() {
			addField(fields, prefix, member)
		}
		return
	}
	name := fieldName(prefix + attr.Key)
	if _, taken := fields[name]; name == "" || taken {
		return // one of ours, or said already
	}
	fields[name] = value.String()
}

// fieldName is a key as the name of a field: upper case letters, digits and
// underscores, none of the latter two in front, at most 64, sd_journal_print(3).
// The names that an entry has in any case stay what they are.
func fieldName(key string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, key)
	name = strings.TrimLeft(name, "_0123456789")
	switch name {
	case "MESSAGE", "PRIORITY":
		return ""
	}
	return name[:min(len(name), 64)]
}
