package subcmd

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/health"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

func (l *statusLook) lookAtHooks(context.Context) {
	h := &health.Hooks{Gone: map[string]bool{}}
	if rival := rivalDispatcher(l.cfg, "/"); rival != "" {
		h.Dispatchers = []string{rival}
	}
	err := state.LookAtHooks(l.global.stateDir).Results(func(raw []byte) {
		var r dispatcher.Result
		if err := json.Unmarshal(raw, &r); err != nil {
			return // of another version, say: the others count
		}
		h.Runs = append(h.Runs, hookRunOf(r))
		if _, err := os.Lstat(r.Hook); errors.Is(err, fs.ErrNotExist) {
			h.Gone[r.Hook] = true
		}
	})
	if err != nil {
		l.note("results of hooks cannot be read", err)
	}
	failures, err := state.Failures(l.global.stateDir)
	if err != nil {
		l.note("refused entries of the spool cannot be read", err)
	}
	for _, f := range failures {
		h.Entries = append(h.Entries, report.RefusedEntry{Entry: f.Entry, Why: f.Why, Time: f.Time.UTC()})
	}
	l.refused(h)
	l.facts.Hooks = h
}

// refused has scripts judged as run-hooks does, which is root's or, with a state
// directory of one's own, one's own.
func (l *statusLook) refused(h *health.Hooks) {
	uid := 0
	if st, err := os.Stat(l.global.stateDir); err == nil {
		if owner, ok := ownerOf(st); ok && owner == os.Geteuid() {
			uid = owner
		}
	}
	finder := dispatcher.Finder{Roots: l.cfg.System.HookDirs, Trust: dispatcher.Trust{UID: uid}}
	hidden := 0
	for _, s := range finder.Refused() {
		if uid != os.Geteuid() && strings.HasSuffix(s.Why, fs.ErrPermission.Error()) {
			hidden++ // root may look
			continue
		}
		h.Refused = append(h.Refused, report.RefusedHook{Hook: s.Path, Why: s.Why})
	}
	if hidden > 0 {
		l.note(plural(hidden, "hook directory or script")+" can be looked at by root alone", nil)
	}
}

// ownerOf returns the owner of a file.
func ownerOf(info fs.FileInfo) (uid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

func hookRunOf(r dispatcher.Result) report.HookRun {
	run := report.HookRun{
		Hook: r.Hook, Directory: r.Directory, Link: r.Link, Index: r.Index, EventID: r.EventID, Start: r.Start,
		Duration: r.Duration.Seconds(), Failed: r.Failed(), Outcome: "done", LastLine: lastLine(r.Output),
	}
	switch {
	case r.Interrupted:
		run.Outcome = "interrupted"
	case r.Vanished:
		run.Outcome = "vanished before it could start"
	case run.Failed:
		run.Outcome = r.Reason()
	}
	return run
}
