package subcmd

import (
	"io"
	"log/slog"
	"os"

	"github.com/netbrk/netbrk/internal/journal"
)

// newLogger returns the log of a run. Where w is the journal's stream, an entry of
// format "text" has a field for each attribute; "json" is the same everywhere.
func newLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	if format == "text" && w == io.Writer(os.Stderr) && journal.Connected() {
		return slog.New(journal.NewHandler(w, level))
	}
	// Without the time: whoever keeps the lines has it.
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
		if len(groups) == 0 && attr.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return attr
	}}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
