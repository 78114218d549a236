package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Install lays netbrk out in a machine that is not booted yet, by the same
// command as anybody's.
func Install(ctx context.Context, m *Machine) error {
	_, err := runMake(ctx, "install", "DESTDIR="+m.Root())
	return err
}

// runMake runs make in the top directory, deaf to a make that runs the test, and
// returns what it printed on stdout; what it printed on stderr is in the error.
func runMake(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"make", "--silent", "--directory", filepath.Join("..", "..")}, args...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MFLAGS=", "MAKEOVERRIDES=")
	return run(ctx, cmd, startHere, args)
}

// HookLog is the file in a machine to which the hooks of LogHooks write.
const HookLog = "/run/hooks.log"

// Ran is one run of a hook of LogHooks: its directory and its environment.
type Ran struct {
	Directory string
	Env       map[string]string
}

// logScript writes its environment as one line. JSON is written in hex, since
// it may hold any byte, and one echo to a file opened for appending is whole.
const logScript = `#!/bin/sh
line=$(env | while IFS= read -r v; do printf '%%s' "$v" | od -An -v -tx1 | tr -d ' \n'; printf ' '; done)
echo "%s $line" >> %s
`

// LogHooks puts a hook that logs its environment into the named hook
// directories of a machine, or into all of them.
func LogHooks(t testing.TB, m *Machine, dirs ...string) {
	t.Helper()
	if len(dirs) == 0 {
		dirs = hostnet.Directories()
	}
	for _, dir := range dirs {
		script := fmt.Sprintf(logScript, dir, HookLog)
		require.NoError(t, m.WriteFile("/etc/netbrk/"+dir+"/50-log", []byte(script), 0o755))
	}
}

// parseRuns reads the log of hooks, less a last line that is not whole.
func parseRuns(log []byte) []Ran {
	var runs []Ran
	lines := strings.Split(string(log), "\n")
	for _, line := range lines[:len(lines)-1] {
		fields := strings.Fields(line)
		r := Ran{Directory: fields[0], Env: map[string]string{}}
		for _, field := range fields[1:] {
			var b []byte
			if _, err := fmt.Sscanf(field, "%x", &b); err != nil {
				continue
			}
			name, value, _ := strings.Cut(string(b), "=")
			r.Env[name] = value
		}
		runs = append(runs, r)
	}
	return runs
}

// WaitRuns waits until the log of hooks is as want says, and returns it.
func WaitRuns(ctx context.Context, m *Machine, want func([]Ran) bool) ([]Ran, error) {
	var runs []Ran
	err := m.WaitFile(ctx, HookLog, func(content []byte) bool {
		runs = parseRuns(content)
		return want(runs)
	})
	if err != nil {
		var seen []string
		for _, r := range runs {
			seen = append(seen, r.String())
		}
		return runs, fmt.Errorf("%w; hooks ran: %s", err, strings.Join(seen, ", "))
	}
	return runs, nil
}

// String tells a run in a few words.
func (r Ran) String() string {
	words := []string{r.Directory}
	for _, name := range []string{"LINK", "PREVIOUS_STATE", "ACTION", "ADDRESS", "ROUTE"} {
		if v := r.Env[name]; v != "" {
			words = append(words, v)
		}
	}
	return strings.Join(words, " ")
}

// Document decodes the JSON that a hook was handed.
func (r Ran) Document() (map[string]any, error) {
	var doc map[string]any
	err := json.Unmarshal([]byte(r.Env["JSON"]), &doc)
	return doc, err
}

// Of returns the directories of the runs for a link, in order and as far as they
// are among the named ones.
func Of(runs []Ran, link string, dirs ...string) []string {
	var found []string
	for _, r := range runs {
		if r.Env["LINK"] == link && slices.Contains(dirs, r.Directory) {
			found = append(found, r.Directory)
		}
	}
	return found
}
