package netnstest

import (
	"os/exec"
	"strings"
	"testing"
)

// IP runs ip(8) with the words of a command in the namespace, and returns what it
// prints.
func (ns *Namespace) IP(t testing.TB, command string) string {
	t.Helper()
	return ns.runIP(t, "", strings.Fields(command)...)
}

// IPLines is IP for those who compare what it prints: its lines, with single spaces.
func (ns *Namespace) IPLines(t testing.TB, command string) []string {
	t.Helper()
	lines := []string{}
	for line := range strings.Lines(ns.IP(t, command)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

// IPBatch has one ip(8) run commands, one on a line, all with the same options.
func (ns *Namespace) IPBatch(t testing.TB, commands string, options ...string) {
	t.Helper()
	ns.runIP(t, commands, append(options, "-batch", "-")...)
}

func (ns *Namespace) runIP(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("ip", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out []byte
	var err error
	ns.Do(t, func() { out, err = cmd.CombinedOutput() })
	if err != nil {
		t.Fatalf("ip %s: %v: %.1000s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
