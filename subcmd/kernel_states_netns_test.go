package subcmd

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// TestKernelStates brings real links into every state that this kernel has the
// links for. dormant is what mode dormant makes of a veth, as of a wireless link
// before it is associated.
func TestKernelStates(t *testing.T) {
	bustest.Forbid(t)
	ns := netnstest.New(t)
	w := startWatch(t, ns, "--dispatch=none")
	w.until(t, "the end of its first pass", func(ev hostnet.Event) bool { return ev.Kind == hostnet.KindRules })
	told := map[string][]string{}
	// until waits for a link's word, or for "added", "renamed" or "removed".
	until := func(what, link, word string) {
		t.Helper()
		w.until(t, link+" "+word+" after "+what, func(ev hostnet.Event) bool {
			assert.NotEqual(t, hostnet.AdministrativeState, ev.Property, "the kernel knows no administrative states")
			is := ev.State
			if ev.Kind == hostnet.KindLinks {
				is = string(ev.Action)
			}
			if is != "" {
				told[ev.Link] = append(told[ev.Link], is)
			}
			return ev.Link == link && is == word
		})
	}
	steps := []struct{ ip, link, want string }{
		{"link add va type veth peer name vb", "vb", "off"},
		{"link set va addrgenmode none", "", ""},
		{"link set vb addrgenmode none", "", ""},
		{"link set va up", "va", "no-carrier"},
		{"link set vb up", "va", "carrier"},
		{"address add 169.254.7.7/16 dev va scope link", "va", "degraded"},
		{"address add 192.0.2.1/24 dev va", "va", "routable"},
		{"address delete 192.0.2.1/24 dev va", "va", "degraded"},
		{"address delete 169.254.7.7/16 dev va", "va", "carrier"},
		{"address add 127.0.0.77/8 dev va scope host", "", ""},
		{"address add 169.254.7.7/16 dev va", "va", "routable"}, // the scope is global, whatever the address
		{"address flush dev va", "va", "carrier"},
		{"address add fe80::7/64 dev va nodad", "va", "degraded"},
		{"address add fd00::7/64 dev va nodad", "va", "routable"},
		{"address change fd00::7/64 dev va preferred_lft 0", "", ""}, // deprecated
		{"link set vb down", "va", "no-carrier"},
		{"link set vb up", "va", "routable"},
		{"address delete fd00::7/64 dev va", "va", "degraded"},
		{"link set va down", "va", "off"}, // and without its IPv6 addresses
		{"link set va mode dormant", "", ""},
		{"link set va up", "va", "dormant"},
		{"link set va mode default state up", "va", "carrier"},
		// The address of a neighbour, which detection finds out.
		{"address add fd00::9/64 dev vb nodad", "vb", "routable"},
		{"address add fd00::9/64 dev va", "", ""},
		{"address add fd00::8/64 dev va", "va", "routable"}, // after detection
		{"address flush dev va", "va", "carrier"},
		// A bridge: this kernel's only master.
		{"link add br0 type bridge forward_delay 0", "br0", "off"},
		{"link set br0 addrgenmode none", "", ""},
		{"link set br0 up", "br0", "carrier"}, // before it ever had a port
		{"link set va master br0", "va", "enslaved"},
		{"address add fe80::7/64 dev va nodad", "", ""}, // does not free it
		{"address add 192.0.2.1/24 dev va", "va", "routable"},
		{"address delete 192.0.2.1/24 dev va", "va", "enslaved"},
		{"link add vc type veth peer name vd", "vd", "off"},
		{"link set vc up", "vc", "no-carrier"},
		{"link set vc master br0", "br0", "degraded-carrier"},
		{"address add fe80::1/64 dev br0 nodad", "br0", "degraded"},
		{"address delete fe80::1/64 dev br0", "br0", "degraded-carrier"},
		{"link set vc nomaster", "br0", "carrier"},
		{"link set vb down", "br0", "no-carrier"},
		{"link set vb up", "br0", "carrier"},
		{"link set va nomaster", "br0", "no-carrier"},
		{"link set va down", "va", "off"},
		{"link set va name wan0", "wan0", "renamed"},
		{"link set wan0 up", "wan0", "carrier"},
		{"link delete wan0", "vb", "removed"},
		{"link delete br0", "br0", "removed"},
	}
	for _, step := range steps {
		ns.IP(t, step.ip)
		if step.want != "" {
			until("ip "+step.ip, step.link, step.want)
		}
	}
	// And nothing else. What the kernel says on its way is said: up, and only then
	// dormant; a port without carrier, and only then the bridge; off, and then gone.
	assert.Equal(t, []string{
		"added", "off", "no-carrier", "carrier", "degraded", "routable", "degraded", "carrier", "routable", "carrier",
		"degraded", "routable", "no-carrier", "routable", "degraded", "off", "no-carrier", "dormant", "carrier", "routable", "carrier",
		"enslaved", "routable", "enslaved", "no-carrier", "enslaved", "degraded", "off",
	}, told["va"])
	assert.Equal(t, []string{"renamed", "no-carrier", "carrier", "off", "removed"}, told["wan0"])
	assert.Equal(t, []string{
		"added", "off", "carrier", "degraded-carrier", "degraded", "degraded-carrier", "carrier",
		"degraded-carrier", "no-carrier", "carrier", "no-carrier", "off", "removed",
	}, told["br0"])

	// Nor does it look at what networkd keeps, or for it to come.
	assert.NotContains(t, opened(t, w.cmd.Process.Pid), "inotify")
}

// opened lists what a process has open.
func opened(t *testing.T, pid int) string {
	t.Helper()
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			all = append(all, target)
		}
	}
	require.NotEmpty(t, all)
	return strings.Join(all, "\n")
}

// trustedDir returns a directory of the test's that hooks may be in: nobody else
// may write to any above it, as to /tmp.
func trustedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "netbrk-test-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// TestHooksOfTheKernel has scripts run by a watcher and its oneshots on a host
// that has nothing but a kernel, a shell and netbrk.
func TestHooksOfTheKernel(t *testing.T) {
	for _, generator := range []string{`"kernel"`, `["kernel", "dhclient"]`} {
		t.Run(generator, func(t *testing.T) {
			if _, err := os.Stat("/run/systemd/system"); err == nil {
				// There run-hooks wants the bus for targets, and shall have none.
				t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+t.TempDir()+"/none")
			} else {
				bustest.Forbid(t)
			}
			ns := netnstest.New(t)
			dir := trustedDir(t)
			log := filepath.Join(dir, "log")
			hooks := filepath.Join(dir, "hooks")
			for _, name := range []string{"routable.d", "no-carrier.d", "links.d"} {
				require.NoError(t, os.MkdirAll(filepath.Join(hooks, name), 0o755))
				script := "#!/bin/sh\necho $LINK ${STATE:-$ACTION} current=$CURRENT_STATE carrier=$CarrierState v4=$IPv4AddressState admin=$AdministrativeState online=$OnlineState >> " + log + "\n"
				require.NoError(t, os.WriteFile(filepath.Join(hooks, name, "10-log"), []byte(script), 0o755))
			}
			config := "[System]\nGenerator = " + generator + "\nHookDirs = [\"" + hooks + "\"]\n" +
				"[Network]\nLinks = \"va br0\"\n"
			w := startWatchWith(t, ns, config, "--dispatch=exec", "--state-dir", filepath.Join(dir, "state"))
			w.until(t, "the end of its first pass", func(ev hostnet.Event) bool { return ev.Kind == hostnet.KindRules })
			state := func(want string) {
				w.until(t, want, func(ev hostnet.Event) bool { return ev.Link == "va" && ev.State == want })
			}
			require.NoError(t, unix.Mkfifo(log, 0o600))
			pipe, err := os.OpenFile(log, os.O_RDWR, 0)
			require.NoError(t, err)
			t.Cleanup(func() { _ = pipe.Close() })
			require.NoError(t, pipe.SetReadDeadline(time.Now().Add(time.Minute)))
			lines := bufio.NewScanner(pipe)
			ran := func(line string) {
				t.Helper()
				var before []string
				for lines.Scan() {
					if lines.Text() == line {
						return
					}
					before = append(before, lines.Text())
				}
				require.Fail(t, "a hook did not run", "not %q, but %q: %v", line, before, lines.Err())
			}
			ns.IP(t, "link add va type veth peer name vb")
			ns.IP(t, "link set va up")
			state("no-carrier")
			ran("va no-carrier current=no-carrier carrier=no-carrier v4=off admin= online=")
			ns.IP(t, "link set vb up")
			ns.IP(t, "address add 192.0.2.1/24 dev va")
			state("routable")
			ran("va routable current=routable carrier=carrier v4=routable admin= online=")
			ns.IP(t, "link delete va")
			ran("va removed current= carrier= v4= admin= online=")

			// By hand, and of a bridge, whose state its ports have a say in.
			for _, args := range []string{
				"link add br0 type bridge forward_delay 0", "link set br0 addrgenmode none up", "link add va type veth peer name vb",
				"link set vb up", "link set va up master br0", "link add vc type veth peer name vd", "link set vc up master br0",
			} {
				ns.IP(t, args)
			}
			var out bytes.Buffer
			cmd := exec.Command(w.cmd.Path, "--config", w.config, "--state-dir", filepath.Join(dir, "state"),
				"run-hooks", "--link", "br0", "--state", "routable", "--dry-run")
			cmd.Stdout, cmd.Stderr = &out, os.Stderr
			ns.Do(t, func() { require.NoError(t, cmd.Run()) })
			assert.Contains(t, out.String(), "CURRENT_STATE=degraded-carrier\n")
			assert.Contains(t, out.String(), "CarrierState=degraded-carrier\n")
			assert.NotContains(t, out.String(), "AdministrativeState")
		})
	}
}
