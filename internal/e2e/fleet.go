package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// required maps the programs that the harness runs to their Debian packages.
func required() map[string]string {
	return map[string]string{
		"mmdebstrap":     "mmdebstrap",
		"apt-config":     "apt",
		"systemd-nspawn": "systemd-container",
		"dnsmasq":        "dnsmasq-base",
		"ip":             "iproute2",
		"nsenter":        "util-linux",
		"unshare":        "util-linux",
	}
}

// Require skips the test where end-to-end tests cannot run: without root, or
// without the programs they take. Under NETBRK_TEST_E2E=1 it fails it instead.
func Require(t testing.TB) {
	t.Helper()
	reason := unable()
	switch {
	case reason == "":
	case os.Getenv("NETBRK_TEST_E2E") == "1":
		t.Fatal(reason)
	default:
		t.Skip(reason)
	}
}

func unable() string {
	if os.Geteuid() != 0 {
		return "end-to-end tests need root"
	}
	for program, pkg := range required() {
		if !installed(program) {
			return fmt.Sprintf("end-to-end tests need %s, from the package %s", program, pkg)
		}
	}
	return ""
}

func installed(program string) bool {
	for _, dir := range filepath.SplitList(searchPath) {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// Suites returns the Debian releases to test on: NETBRK_E2E_SUITES, or the two
// newest that are supported.
func Suites() []string {
	if suites := strings.Fields(os.Getenv("NETBRK_E2E_SUITES")); len(suites) > 0 {
		return suites
	}
	return []string{"bookworm", "trixie"}
}

// World is a machine and the lab around it, with one segment that hands out
// addresses. The machine has no link yet but lo, and asks for an address on each
// link called ens* that it is given.
type World struct {
	Machine *Machine
	Lab     *Lab
	Segment *Segment
	DHCP    *Process

	root *Root
}

// dhcpNetwork is how a new machine treats the links it is given. No router is
// there to advertise itself, and networkd takes 12 seconds to find out before it
// calls a link configured.
const dhcpNetwork = `[Match]
Name=ens*

[Network]
DHCP=ipv4
IPv6AcceptRA=no
`

// NewWorld makes a world and boots its machine. prepare, which may be nil, is
// given the machine before it boots.
func (c *Cache) NewWorld(ctx context.Context, suite string, prepare func(context.Context, *Machine) error) (*World, error) {
	w := &World{}
	err := func() (err error) {
		if w.root, err = c.Root(ctx, suite); err != nil {
			return err
		}
		if err := w.addLab(ctx); err != nil {
			return err
		}
		if w.Machine, err = c.NewMachine(w.root); err != nil {
			return err
		}
		if err := w.Machine.WriteNetwork(ctx, "50-dhcp.network", dhcpNetwork); err != nil {
			return err
		}
		if prepare != nil {
			if err := prepare(ctx, w.Machine); err != nil {
				return err
			}
		}
		return w.Machine.Boot(ctx)
	}()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a world of %q: %w", suite, err), w.Close())
	}
	return w, nil
}

func (w *World) addLab(ctx context.Context) (err error) {
	if w.Lab, err = NewLab(ctx); err != nil {
		return err
	}
	w.Segment, err = w.Lab.AddSegment(ctx, "lan0", netip.MustParsePrefix("10.77.0.1/24"))
	if err != nil {
		return err
	}
	w.DHCP, err = w.Segment.ServeDHCP(ctx, DHCP{
		First: netip.MustParseAddr("10.77.0.100"),
		Last:  netip.MustParseAddr("10.77.0.199"),
		Lease: time.Hour,
		Options: []string{
			"--dhcp-option=option:dns-server,10.77.0.1",
			"--dhcp-option=option:domain-name,e2e.example",
		},
	})
	return err
}

// Close removes the world.
func (w *World) Close() error {
	var errs []error
	if w.Machine != nil {
		errs = append(errs, w.Machine.Close())
	}
	if w.Lab != nil {
		errs = append(errs, w.Lab.Close())
	}
	if w.root != nil {
		errs = append(errs, w.root.Release())
	}
	*w = World{}
	return errors.Join(errs...)
}

// Attach plugs a link into the machine's first segment for the time of the test.
func (w *World) Attach(t testing.TB, link Link) *Port {
	t.Helper()
	p, err := w.Segment.Attach(t.Context(), w.Machine, link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// t.Context() has ended by now.
		if err := p.Detach(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Fleet is the worlds that the tests of a package share, one of each suite. A
// world is made when the first test asks for it.
type Fleet struct {
	cache   *Cache
	prepare func(context.Context, *Machine) error
	worlds  map[string]func() (*World, error)

	mu   sync.Mutex
	made []*World
}

// NewFleet makes the roots of all suites, side by side, and a fleet whose
// machines are prepared with prepare, which may be nil.
func NewFleet(ctx context.Context, log *slog.Logger, prepare func(context.Context, *Machine) error) (*Fleet, error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	cache, err := OpenCache(dir, log)
	if err != nil {
		return nil, err
	}
	f := &Fleet{cache: cache, prepare: prepare, worlds: make(map[string]func() (*World, error))}
	group, ctx := errgroup.WithContext(ctx)
	for _, suite := range Suites() {
		f.worlds[suite] = sync.OnceValues(func() (*World, error) { return f.makeWorld(suite) })
		group.Go(func() error {
			root, err := cache.Root(ctx, suite)
			if err != nil {
				return err
			}
			return root.Release()
		})
	}
	return f, group.Wait()
}

// bootLimit ends a boot that hangs; the boot of an idle machine takes a second.
const bootLimit = 3 * time.Minute

func (f *Fleet) makeWorld(suite string) (*World, error) {
	ctx, cancel := context.WithTimeout(context.Background(), bootLimit)
	defer cancel()
	w, err := f.cache.NewWorld(ctx, suite, f.prepare)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made = append(f.made, w)
	return w, nil
}

// Cache is where the fleet's roots come from, for tests that need a machine of
// their own.
func (f *Fleet) Cache() *Cache { return f.cache }

// Each runs test once for each suite, side by side, in the suite's shared world.
// Tests of one world run one after another and leave it as they found it.
func (f *Fleet) Each(t *testing.T, test func(t *testing.T, w *World)) {
	for _, suite := range Suites() {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			w, err := f.worlds[suite]()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.explain(t) })
			test(t, w)
		})
	}
}

// explain shows what the machine and the lab have to say of a failure.
func (w *World) explain(t *testing.T) {
	if !t.Failed() || w.Machine.Leader() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, args := range [][]string{
		{"ip", "address"},
		{"ip", "rule"},
		{"networkctl", "list", "--no-pager"},
		{"journalctl", "--boot", "--no-pager", "--lines=100", "--output=short-monotonic"},
	} {
		out, err := w.Machine.Run(ctx, args...)
		t.Logf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Logf("console:\n%s\nDHCP server:\n%s", w.Machine.Console(), tail(w.DHCP.Output()))
}

// Close removes the worlds.
func (f *Fleet) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, w := range f.made {
		errs = append(errs, w.Close())
	}
	f.made = nil
	return errors.Join(errs...)
}
