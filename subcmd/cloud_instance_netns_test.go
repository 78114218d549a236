package subcmd

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// instance is a machine in a cloud: a namespace with NICs, and with the cloud's
// metadata service behind its loopback link. Nobody configures the NICs.
type instance struct {
	*host
	cloud    string
	metadata *imdstest.Server
	endpoint string
	far      *netnstest.Namespace // the other ends of the cables
}

func newInstance(t *testing.T, cloud string, told hostnet.Metadata) *instance {
	t.Helper()
	i := &instance{host: bareHost(t), cloud: cloud, metadata: imdstest.New(cloud, told), far: netnstest.New(t)}
	i.configure(t, "")
	i.ns.IP(t, "link set lo up")
	i.endpoint = i.serve(t, i.metadata)
	for n := range told.NICs {
		i.attach(t, n)
	}
	return i
}

// serve has a service answer inside, and returns where.
func (i *instance) serve(t *testing.T, metadata *imdstest.Server) (endpoint string) {
	t.Helper()
	var listener net.Listener
	i.ns.Do(t, func() {
		var err error
		listener, err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
	})
	go func() { _ = metadata.Serve(listener) }() // until it is closed
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	return "http://" + listener.Addr().String()
}

// firstIndex is the ifindex of the first NIC.
const firstIndex = 10

// attach plugs in the NIC of that number, which is down. Without link-local
// addresses nothing happens to it that is not netbrk's doing.
func (i *instance) attach(t *testing.T, n int) {
	t.Helper()
	i.ns.IP(t, fmt.Sprintf("link add nic%d index %d address %s type veth peer name far%d netns %s", n, firstIndex+n, cloudMAC(n), n, i.far.Path()))
	i.ns.IP(t, fmt.Sprintf("link set nic%d addrgenmode none", n))
	i.far.Do(t, func() {
		out, err := exec.Command("ip", "link", "set", fmt.Sprintf("far%d", n), "addrgenmode", "none", "up").CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
}

// sync runs netbrk cloud-sync.
func (i *instance) sync(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return i.run(t, i.syncArgs(i.endpoint, args...)...)
}

func (i *instance) syncArgs(endpoint string, args ...string) []string {
	return append([]string{"cloud-sync", "--provider", i.cloud, "--endpoint", endpoint}, args...)
}

// done runs netbrk cloud-sync, which is to succeed.
func (i *instance) done(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	stdout, stderr, status := i.sync(t, args...)
	require.Zero(t, status, stderr)
	return stdout
}

// foreign sets up what others have on the machine.
func (i *instance) foreign(t *testing.T) {
	t.Helper()
	for _, command := range []string{
		"link set nic0 up",
		"address add 198.51.100.77/24 dev nic0",
		"route add 203.0.113.0/24 via 198.51.100.1 dev nic0 protocol static",
		"route add default via 198.51.100.1 dev nic0 table 77 protocol 99",
		"route add local 203.0.113.64/28 dev nic0 table local protocol 99",
		"rule add from 198.51.100.77 lookup 77 priority 100 protocol static",
		"rule add from 10.0.0.20 lookup 77 priority 30002 protocol static",
		"-6 rule add from 2001:db8::/32 lookup 77 priority 100 protocol 99",
	} {
		i.ns.IP(t, command)
	}
}

var linkLine = regexp.MustCompile(`^\d+: ([^:@]+)[^<]*<([^>]*)> mtu (\d+)`)

// look returns links, addresses, rules and routes as ip(8) has them, less what
// the kernel adds to each address by itself.
func (i *instance) look(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, line := range i.ns.IPLines(t, "-o link") {
		m := linkLine.FindStringSubmatch(line)
		require.NotNil(t, m, line)
		state := "down"
		if slices.Contains(strings.Split(m[2], ","), "UP") {
			state = "up"
		}
		all = append(all, fmt.Sprintf("link %s %s mtu %s", m[1], state, m[3]))
	}
	for _, line := range i.ns.IPLines(t, "-o address") {
		line, _, _ = strings.Cut(line, `\`) // the lifetime
		_, line, _ = strings.Cut(line, ": ")
		all = append(all, "address "+strings.TrimSpace(line))
	}
	for _, command := range []string{"-4 rule", "-6 rule", "-4 route show table all", "-6 route show table all"} {
		for _, line := range i.ns.IPLines(t, "-N "+command) {
			if !strings.Contains(line+" ", " proto 2 ") { // RTPROT_KERNEL
				all = append(all, strings.Join(strings.Fields(command)[:2], " ")+": "+line)
			}
		}
	}
	return all
}

// changes are the lines that came, after a plus, and those that went.
func changes(before, after []string) string {
	var b strings.Builder
	for _, line := range before {
		if !slices.Contains(after, line) {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			fmt.Fprintf(&b, "+ %s\n", line)
		}
	}
	return b.String()
}

// telling returns the lines without those in which a word is.
func telling(lines []string, word string) []string {
	is := regexp.MustCompile(`(^|[ :])` + regexp.QuoteMeta(word) + `([ /]|$)`)
	return slices.DeleteFunc(slices.Clone(lines), is.MatchString)
}

// unlinked are the lines of a look that are not about a link itself.
func unlinked(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.HasPrefix(line, "link ") })
}

// files are those of the state, by name, each with its inode, the time it was
// written and its content: one that was replaced by its like shows. Directories
// and locks are none.
func (i *instance) files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	root := filepath.Join(i.dir, "state")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path) // both are absolute
		found[name] = fmt.Sprintf("inode %d, %s\n%s", info.Sys().(*syscall.Stat_t).Ino, info.ModTime(), content)
		return err
	})
	require.NoError(t, err)
	return found
}

// read reads a file of the state.
func (i *instance) read(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(i.dir, "state", name))
	require.NoError(t, err)
	return bytes.TrimSpace(raw)
}

// record listens to what the kernel tells until end is called.
func (i *instance) record(t *testing.T) (end func() []hostnet.Change) {
	t.Helper()
	monitor := i.monitor(t)
	return func() []hostnet.Change {
		t.Helper()
		i.ns.IP(t, "rule add priority 1 lookup 1 protocol 99")
		var told []hostnet.Change
		i.await(t, monitor, "the end", func(c hostnet.Change) bool {
			c.Raw = nil // the monitor's
			told = append(told, c)
			return c.Object == hostnet.ObjectRule && c.Protocol == 99 && c.Table == 1
		})
		i.ns.IP(t, "rule delete priority 1")
		return told[:len(told)-1]
	}
}

// writes are changes of addresses, routes and rules. What is told of links comes
// when their carriers like.
func writes(all []hostnet.Change) []hostnet.Change {
	return slices.DeleteFunc(all, func(c hostnet.Change) bool { return c.Object == hostnet.ObjectLink })
}
