package e2e

import (
	"context"
	"strings"
)

// Mode is a way to run netbrk as a service.
type Mode struct {
	Name string
	// StateDir is where its state is.
	StateDir    string
	start, stop string
	// busy is a shell command that succeeds while rules are worked on.
	busy string
}

// Modes returns both ways: path units that start what is to be done, and
// a watcher that does so itself.
func Modes() []Mode {
	return []Mode{
		{
			Name: "units", StateDir: "/run/netbrk",
			start: "systemctl start netbrk.target",
			stop:  "systemctl stop netbrk.target netbrk-watch.service 'netbrk-*.path' 'netbrk-*.timer' netbrk-hooks.service netbrk-rules.service",
			// Failed and activating count: they are to become inactive.
			busy: `[ "$(systemctl is-active netbrk-rules.service)" != inactive ]`,
		},
		{
			Name: "exec", StateDir: "/run/netbrk-exec",
			start: "systemd-run --quiet --collect --unit=netbrk-exec --service-type=notify " +
				"netbrk watch --dispatch=exec --state-dir=/run/netbrk-exec",
			stop: "systemctl stop netbrk-exec.service",
			// The brackets keep the pattern from matching itself.
			busy: `pgrep -f '[a]pply-rules.* --pending' >/dev/null`,
		},
	}
}

// Start starts netbrk in a machine.
func (mode Mode) Start(ctx context.Context, m *Machine) error { return mode.shell(ctx, m, mode.start) }

// Stop stops netbrk; the rules and routes that it made stay.
func (mode Mode) Stop(ctx context.Context, m *Machine) error { return mode.shell(ctx, m, mode.stop) }

// Idle waits until no link waits for its rules and the process that served
// those that did has ended, which it does after 2 s in which none came.
func (mode Mode) Idle(ctx context.Context, m *Machine) error {
	return mode.shell(ctx, m, `while [ -n "$(ls `+mode.StateDir+`/rules-pending)" ] || `+mode.busy+`; do sleep 0.1; done`)
}

// ApplyRules runs netbrk apply-rules with this mode's state and returns what it
// printed.
func (mode Mode) ApplyRules(ctx context.Context, m *Machine, args ...string) (string, error) {
	out, err := m.Run(ctx, append([]string{"netbrk", "--state-dir=" + mode.StateDir, "apply-rules"}, args...)...)
	return strings.TrimSpace(out), err
}

func (mode Mode) shell(ctx context.Context, m *Machine, command string) error {
	_, err := m.Run(ctx, "sh", "-c", command)
	return err
}
