package dispatcher_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// stage is a place to run the scripts for other dispatchers in, with programs of
// its own before the machine's.
type stage struct {
	*testing.T
	dir string
}

func newStage(t *testing.T) stage {
	s := stage{t, t.TempDir()}
	s.program("netbrk", `for word; do printf '[%s]' "$word" >>`+s.dir+`/calls; done; echo >>`+s.dir+`/calls
case $1 in
apply-rules) echo 'netbrk: hint: link "lo" gets no rules: add it' >&2; echo 'level=INFO msg=added' >&2; exit ${RULES:-0} ;;
*) exit ${HOOKS:-0} ;;
esac`)
	s.program("systemctl", `[ "$*" = "is-active --quiet netbrk-watch.service" ] && [ -n "${WATCH:-}" ]`)
	return s
}

func (s stage) program(name, body string) {
	require.NoError(s, os.MkdirAll(filepath.Join(s.dir, "bin"), 0o755))
	require.NoError(s, os.WriteFile(filepath.Join(s.dir, "bin", name), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
}

// run runs a script with an environment built from nothing, and returns its exit
// status, what it said, and how netbrk was called, a line for each time.
func (s stage) run(script string, env []string, args ...string) (status int, stderr string, calls []string) {
	s.Helper()
	_ = os.Remove(filepath.Join(s.dir, "calls"))
	path, err := filepath.Abs(script)
	require.NoError(s, err)
	cmd := exec.CommandContext(s.Context(), path, args...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=" + s.dir + "/bin:/usr/bin:/bin", "NETBRK_STATE_DIR=" + s.dir + "/run"}, env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if ended := new(exec.ExitError); !errors.As(err, &ended) {
		require.NoError(s, err)
	}
	assert.Empty(s, string(out))
	raw, err := os.ReadFile(filepath.Join(s.dir, "calls"))
	if err == nil {
		calls = strings.Fields(string(raw))
	} else {
		require.ErrorIs(s, err, os.ErrNotExist)
	}
	return cmd.ProcessState.ExitCode(), said.String(), calls
}

const (
	forNetworkd       = "networkd-dispatcher/50-netbrk.sh"
	forNetworkManager = "NetworkManager/50-netbrk.sh"
)

func called(link, state string) []string {
	calls := []string{"[apply-rules][--][" + link + "]"}
	if state != "" {
		calls = append(calls, "[run-hooks][--link="+link+"][--state="+state+"]")
	}
	return calls
}

func TestScriptForNetworkdDispatcher(t *testing.T) {
	s := newStage(t)
	for _, state := range hostnet.LinkStates() {
		status, said, calls := s.run(forNetworkd, []string{"IFACE=lo", "STATE=" + state})
		assert.Zero(t, status)
		assert.Equal(t, "level=INFO msg=added\n", said, "what is news, and no more")
		assert.Equal(t, called("lo", state), calls)
	}
	for _, test := range []struct {
		name  string
		env   []string
		want  int
		calls []string
	}{
		{"an odd name", []string{"IFACE=-$(touch${IFS}x);'*", "STATE=off"}, 0, called("-$(touch${IFS}x);'*", "off")},
		{"a hook failed", []string{"IFACE=lo", "STATE=off", "HOOKS=3"}, 0, called("lo", "off")},
		{"hooks could not run", []string{"IFACE=lo", "STATE=off", "HOOKS=2"}, 1, called("lo", "off")},
		{"rules could not be applied", []string{"IFACE=lo", "STATE=off", "RULES=75"}, 75, called("lo", "off")},
		{"the watcher runs", []string{"IFACE=lo", "STATE=off", "WATCH=1"}, 0, nil},
		{"netbrk runs it", []string{"IFACE=lo", "STATE=off", "EVENT_ID=b-1"}, 0, nil},
		{"no link", []string{"STATE=off"}, 0, nil},
		{"no state", []string{"IFACE=lo"}, 0, nil},
		{"a silent state", []string{"IFACE=lo", "STATE=pending"}, 0, nil},
		{"no state at all", []string{"IFACE=lo", "STATE=../off"}, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, _, calls := s.run(forNetworkd, test.env)
			assert.Equal(t, test.want, status)
			assert.Equal(t, test.calls, calls)
		})
	}
}

func TestScriptForNetworkManager(t *testing.T) {
	s := newStage(t)
	global4, global6 := "IP4_ADDRESS_0=192.0.2.7/24 192.0.2.1", "IP6_ADDRESS_0=2001:db8::7/64 fe80::1"
	local4, local6 := "IP4_ADDRESS_0=169.254.7.7/16 0.0.0.0", "IP6_ADDRESS_1=fe80::7/64 ::"
	for _, test := range []struct {
		name  string
		args  []string
		env   []string
		want  int
		calls []string
	}{
		{"IPv4", []string{"lo", "up"}, []string{global4, local6}, 0, called("lo", "routable")},
		{"IPv6", []string{"lo", "up"}, []string{local4, global6}, 0, called("lo", "routable")},
		{"global after link-local", []string{"lo", "up"}, []string{local4, "IP4_ADDRESS_1=192.0.2.7/24 0.0.0.0"}, 0, called("lo", "routable")},
		{"link-local after global", []string{"lo", "up"}, []string{global4, "IP4_ADDRESS_1=169.254.7.7/16 0.0.0.0"}, 0, called("lo", "routable")},
		{"link-local alone", []string{"lo", "up"}, []string{local4, local6}, 0, called("lo", "degraded")},
		{"no address", []string{"lo", "up"}, []string{"IP4_NUM_ADDRESSES=0"}, 0, called("lo", "carrier")},
		{"a VPN", []string{"lo", "vpn-up"}, []string{"VPN_IP4_ADDRESS_0=10.8.0.2/24 0.0.0.0"}, 0, called("lo", "routable")},
		{"down, as lo never is", []string{"lo", "down"}, nil, 0, called("lo", "carrier")},
		{"a VPN's end", []string{"lo", "vpn-down"}, nil, 0, called("lo", "carrier")},
		{"a lease", []string{"lo", "dhcp4-change"}, []string{global4}, 0, called("lo", "")},
		{"an IPv6 lease", []string{"lo", "dhcp6-change"}, []string{global4}, 0, called("lo", "")},
		{"new settings", []string{"lo", "reapply"}, []string{global4}, 0, called("lo", "")},

		{"a hook failed", []string{"lo", "up"}, []string{global4, "HOOKS=3"}, 0, called("lo", "routable")},
		{"hooks could not run", []string{"lo", "up"}, []string{global4, "HOOKS=1"}, 0, called("lo", "routable")},
		{"rules could not be applied", []string{"lo", "up"}, []string{global4, "RULES=1"}, 0, called("lo", "routable")},

		{"the watcher runs", []string{"lo", "up"}, []string{global4, "WATCH=1"}, 0, nil},
		{"before", []string{"lo", "pre-up"}, []string{global4}, 0, nil},
		{"of no link", []string{"", "connectivity-change"}, nil, 0, nil},
		{"the host's name", []string{"none", "hostname"}, nil, 0, nil},
		{"an action to come", []string{"lo", "sideways"}, []string{global4}, 0, nil},
		{"no argument", nil, nil, 0, nil},
		{"a link that is gone", []string{"nosuchlink0", "down"}, nil, 0, nil},
		{"a path", []string{"../net/lo", "up"}, []string{global4}, 0, nil},
		{"no link", []string{"", "up"}, []string{global4}, 0, nil},
		{"a flag", []string{"--help", "up"}, []string{global4}, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, said, calls := s.run(forNetworkManager, test.env, test.args...)
			assert.Equal(t, test.want, status, said)
			assert.Equal(t, test.calls, calls)
			if test.calls == nil {
				assert.Empty(t, said)
			}
		})
	}
}

// TestScriptsWithoutNetbrk: a script that outlived the program is silent.
func TestScriptsWithoutNetbrk(t *testing.T) {
	if _, err := os.Stat("/usr/bin/netbrk"); err == nil {
		t.Skip("netbrk is installed on this machine")
	}
	s := newStage(t)
	require.NoError(t, os.Remove(filepath.Join(s.dir, "bin/netbrk")))
	status, said, _ := s.run(forNetworkd, []string{"IFACE=lo", "STATE=off"})
	assert.Zero(t, status)
	assert.Empty(t, said)
	status, said, _ = s.run(forNetworkManager, nil, "lo", "down")
	assert.Zero(t, status)
	assert.Empty(t, said)
}

// TestScriptForNetworkManagerWaitsForNothing holds up the hooks of the first of
// three events: the script ends all the same, and their order is kept.
func TestScriptForNetworkManagerWaitsForNothing(t *testing.T) {
	s := newStage(t)
	hold, done := filepath.Join(s.dir, "hold"), filepath.Join(s.dir, "done")
	for _, fifo := range []string{hold, done} {
		require.NoError(t, unix.Mkfifo(fifo, 0o600))
	}
	s.program("netbrk", `echo "$*" >>`+s.dir+`/calls
case $* in
*=routable) read -r _ <`+hold+` ;;
*=carrier) echo >`+done+` ;;
esac`)
	path, err := filepath.Abs(forNetworkManager)
	require.NoError(t, err)
	for _, action := range []string{"up", "dhcp4-change", "down"} {
		cmd := exec.CommandContext(t.Context(), path, "lo", action)
		cmd.Env = []string{"PATH=" + s.dir + "/bin:/usr/bin:/bin", "NETBRK_STATE_DIR=" + s.dir + "/run", "IP4_ADDRESS_0=192.0.2.7/24 0.0.0.0"}
		require.NoError(t, cmd.Run(), action)
	}
	require.NoError(t, os.WriteFile(hold, []byte("\n"), 0)) // opens once it is waited there
	_, err = os.ReadFile(done)
	require.NoError(t, err)
	calls, err := os.ReadFile(filepath.Join(s.dir, "calls"))
	require.NoError(t, err)
	assert.Equal(t, "apply-rules -- lo\nrun-hooks --link=lo --state=routable\napply-rules -- lo\napply-rules -- lo\nrun-hooks --link=lo --state=carrier\n", string(calls))
}
