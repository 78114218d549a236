package dhclient

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

var update = flag.Bool("update", false, "write the goldens")

func leasesOf(t *testing.T, text []byte) ([]Lease, []string) {
	t.Helper()
	s, err := scan(bytes.NewReader(text))
	require.NoError(t, err)
	return s.leases(), s.problems
}

// TestSamples reads files as dhclient's own reader does: the ordinary one, that of a
// cloud, and one with all that makes a reader of lines stumble.
func TestSamples(t *testing.T) {
	for _, name := range []string{"ordinary", "cloud", "nasty", "older"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/" + name + ".leases")
			require.NoError(t, err)
			leases, problems := leasesOf(t, text)
			got, err := json.MarshalIndent(map[string]any{"leases": leases, "problems": problems}, "", "  ")
			require.NoError(t, err)
			golden := "testdata/" + name + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got)+"\n")
		})
	}
}

// TestTruncated cuts the samples at each byte. What is told is what the blocks that
// are whole tell, and nothing of the one that is not.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"ordinary", "cloud", "nasty"} {
		text, err := os.ReadFile("testdata/" + name + ".leases")
		require.NoError(t, err)
		// The lines with which blocks end, in these files.
		var whole []byte
		for n := range len(text) + 1 {
			if strings.HasSuffix(string(text[:n]), "\n}") || strings.HasSuffix(string(text[:n]), "expire never; }") {
				whole = text[:n]
			}
			got, _ := leasesOf(t, text[:n])
			want, _ := leasesOf(t, whole)
			require.Equal(t, want, got, "%s cut at %d", name, n)
		}
	}
}

// TestChunks: where a read ends makes no difference.
func TestChunks(t *testing.T) {
	text, err := os.ReadFile("testdata/nasty.leases")
	require.NoError(t, err)
	want, problems := leasesOf(t, text)
	require.NotEmpty(t, want)
	s, err := scan(oneByOne{bytes.NewReader(text)})
	require.NoError(t, err)
	assert.Equal(t, want, s.leases())
	assert.Equal(t, problems, s.problems)
}

type oneByOne struct{ r io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

// TestNasty is what the first block of that sample says by itself.
func TestNasty(t *testing.T) {
	text, err := os.ReadFile("testdata/nasty.leases")
	require.NoError(t, err)
	first, _, found := bytes.Cut(text, []byte("\n}\n"))
	require.True(t, found)
	leases, problems := leasesOf(t, append(first, "\n}\n"...))
	require.Len(t, leases, 1)
	l := leases[0]
	assert.Equal(t, "[192.0.2.10/24]", fmt.Sprint(l.Addresses))
	assert.Equal(t, "[192.0.2.53 198.51.100.53]", fmt.Sprint(l.DNS))
	assert.Equal(t, "interface", l.HostName, "a keyword is a value like any other")
	assert.Empty(t, l.Domain)
	assert.Equal(t, []string{`domain-name: "tab\tend; } lease { \"q\" café" is not a domain name`}, l.Rejected)
	assert.Empty(t, problems)
}

// TestHostile: nothing of what a server can say gets past as something else.
func TestHostile(t *testing.T) {
	for _, bad := range []string{
		`$(reboot)`, "`reboot`", `a;reboot`, `a b;c`, `a\"b`, `a'b`, `a\nb`, `a\012b`, `a\000b`, `../../etc`, `-rf`, `a/b`,
		`\377\376`, `caf\303\251`, `*`, `a..b`, strings.Repeat("a", 64), strings.Repeat("a.", 200), strings.Repeat("x", 5000), `1.2.3.4`, `~corp`,
	} {
		text := `lease { interface "eth0"; fixed-address 192.0.2.7; option domain-name "` + bad + `"; option host-name "` + bad + `";
			option domain-search "` + bad + `", "ok.example."; option domain-name-servers "` + bad + `", 192.0.2.1; option routers "` + bad + `";
			option interface-mtu "` + bad + `"; option subnet-mask "` + bad + `"; option ntp-servers 224.0.0.1, 0.0.0.0, 127.0.0.1, 255.255.255.255, ::1, fe80::1%eth0; }`
		leases, _ := leasesOf(t, []byte(text))
		require.Len(t, leases, 1, bad)
		l := leases[0]
		assert.NotEmpty(t, l.Rejected, bad)
		l.Rejected = nil
		l.client = ""
		want := hostnet.Lease{Link: "eth0", Addresses: l.Addresses, DNS: l.DNS, Search: []string{"ok.example"}}
		assert.Equal(t, Lease{Lease: want}, l, bad)
		assert.Equal(t, "ADDRESS=192.0.2.7,DNS=192.0.2.1,SUBNETMASK=255.255.255.255,DNS=192.0.2.1", Environment(l.Lease), bad)
	}
	for _, bad := range []string{`../eth0`, `eth 0`, `a/b`, ``, `.`, `..`, strings.Repeat("e", 16), `eth\0010`, `eth\000`} {
		leases, _ := leasesOf(t, []byte(`lease { interface "`+bad+`"; fixed-address 192.0.2.7; }`))
		assert.Empty(t, leases, bad)
	}
}

func TestDates(t *testing.T) {
	for text, want := range map[string]time.Time{
		"never": {}, "epoch 1795400000": time.Unix(1795400000, 0).UTC(), "epoch 9999999999": {},
		"2 2037/01/06 03:00:00": time.Date(2037, 1, 6, 3, 0, 0, 0, time.UTC), "2 2037/1/6 1:02:03": time.Date(2037, 1, 6, 1, 2, 3, 0, time.UTC),
		"2 2038/01/19 00:00:00": {}, "2 2037/01/06 03:00:00 3600": time.Date(2037, 1, 6, 4, 0, 0, 0, time.UTC), "soon": {}, "2 2037/13/06 03:00:00": {},
	} {
		leases, _ := leasesOf(t, []byte(`lease { interface "a"; fixed-address 192.0.2.7; expire `+text+"; }"))
		require.Len(t, leases, 1)
		assert.Equal(t, want, leases[0].Expire, text)
	}
}

func write(t *testing.T, path, text string, changed time.Time) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	require.NoError(t, os.Chtimes(path, changed, changed))
}

const plainLease = "lease { interface \"%s\"; fixed-address %s; }\n"

func TestRead(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	write(t, dir+"/a.leases", fmt.Sprintf(plainLease, "eth0", "192.0.2.2"), now)
	write(t, dir+"/b.leases", fmt.Sprintf(plainLease, "eth0", "192.0.2.1")+"}\n", now.Add(-time.Hour))
	write(t, dir+"/c.leases", fmt.Sprintf(plainLease, "eth1", "192.0.2.3"), now)
	require.NoError(t, os.Chmod(dir+"/c.leases", 0o666))
	write(t, dir+"/d.other", fmt.Sprintf(plainLease, "eth2", "192.0.2.4"), now)
	require.NoError(t, unix.Mkfifo(dir+"/e.leases", 0o644))
	require.NoError(t, os.Mkdir(dir+"/f.leases", 0o755))
	require.NoError(t, os.Symlink("nowhere", dir+"/g.leases"))
	leases, problems, err := Read([]string{dir + "/*.leases", dir + "/a.*", "/nonexistent/*"})
	require.NoError(t, err)
	var got []string
	for _, l := range leases {
		got = append(got, fmt.Sprint(l.Link, l.Addresses))
	}
	assert.Equal(t, []string{"eth0[192.0.2.1/32]", "eth0[192.0.2.2/32]"}, got, "the newer file last, each once")
	assert.Len(t, problems, 3)
	all := strings.Join(problems, "\n")
	assert.Contains(t, all, dir+"/b.leases:2: stray }")
	assert.Contains(t, all, dir+"/c.leases: writable by group or others (mode 0666)")
	assert.Contains(t, all, dir+"/e.leases: not a regular file")
	_, _, err = Read([]string{"["})
	assert.Error(t, err)
}

// TestReadTooMuch: of files that are too many the newest are read, and of one that is
// too large nothing, since the leases that count would be at its end.
func TestReadTooMuch(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	write(t, dir+"/large.leases", fmt.Sprintf(plainLease, "eth0", "192.0.2.2"), now)
	require.NoError(t, os.Truncate(dir+"/large.leases", maxFile+1))
	leases, problems, err := Read([]string{dir + "/large.*"})
	require.NoError(t, err)
	assert.Empty(t, leases)
	assert.Equal(t, []string{"lease file left out: " + dir + "/large.leases: larger than 256 MiB"}, problems)

	write(t, dir+"/0.newest", fmt.Sprintf(plainLease, "eth0", "192.0.2.2"), now)
	write(t, dir+"/1.oldest", fmt.Sprintf(plainLease, "eth1", "192.0.2.3"), now.Add(-time.Hour))
	for i := range maxFiles - 1 {
		write(t, fmt.Sprintf("%s/2.%d", dir, i), "", now.Add(-time.Minute))
	}
	leases, problems, err = Read([]string{dir + "/?.*"})
	require.NoError(t, err)
	if assert.Len(t, leases, 1) {
		assert.Equal(t, "eth0", leases[0].Link)
	}
	assert.Equal(t, []string{"more than 1024 lease files match, the oldest are left out"}, problems)
}

// many is a file of n blocks of two links.
func many(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `lease {
  interface "eth%d";
  fixed-address 10.%d.%d.%d;
  option subnet-mask 255.255.255.0;
  option routers 10.20.30.1;
  option dhcp-lease-time 3600;
  option domain-name-servers 10.20.30.2,10.20.30.3;
  option host-name "web-17";
  option domain-name "prod.example.net";
  renew 4 2026/11/19 08:10:11;
  rebind 4 2026/11/19 08:35:02;
  expire 4 2026/11/19 08:42:32;
}
`, i%2, 1+i>>16, i>>8&255, i&255)
	}
	return b.Bytes()
}

// TestMemory: a file of 100,000 leases is read in what a few of them take, and not
// in the 38 MB that it has. The issue allows 20 MB.
func TestMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	require.NoError(t, os.WriteFile(path, many(100_000), 0o644))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	leases, problems, err := Read([]string{path})
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	assert.Empty(t, problems)
	require.Len(t, leases, 2)
	assert.Equal(t, "[10.2.134.159/24]", fmt.Sprint(leases[1].Addresses))
	// All that was ever allocated, so no peak can be higher.
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func BenchmarkRead100000(b *testing.B) {
	path := filepath.Join(b.TempDir(), "leases")
	text := many(100_000)
	require.NoError(b, os.WriteFile(path, text, 0o644))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		leases, _, err := Read([]string{path})
		if err != nil || len(leases) != 2 {
			b.Fatal(leases, err)
		}
	}
}

// TestBounds: a file made to be large in other ways is not kept.
func TestBounds(t *testing.T) {
	long := `lease { interface "eth0"; fixed-address 192.0.2.1; option x "` + strings.Repeat("y", maxBlock) + `"; }`
	leases, problems := leasesOf(t, []byte(fmt.Sprintf(plainLease, "eth0", "192.0.2.9")+long+fmt.Sprintf(plainLease, "eth1", "192.0.2.2")))
	require.Len(t, leases, 2)
	assert.Equal(t, "[192.0.2.9/32]", fmt.Sprint(leases[0].Addresses))
	assert.Equal(t, []string{"2: block of more than 1048576 bytes left out"}, problems)
	var links strings.Builder
	for i := range maxKept + 50 {
		fmt.Fprintf(&links, plainLease, fmt.Sprint("e", i), "192.0.2.9")
	}
	leases, problems = leasesOf(t, []byte(links.String()))
	assert.Len(t, leases, maxKept)
	assert.Len(t, problems, maxStray)
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"ordinary", "cloud", "nasty", "older"} {
		text, err := os.ReadFile("testdata/" + name + ".leases")
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		leases, problems := leasesOf(t, text)
		for _, p := range problems {
			assert.True(t, hostnet.PrintableText(p, 200), p)
		}
		for _, l := range leases {
			assert.True(t, hostnet.ValidLinkName(l.Link))
			for _, name := range append(append([]string{}, l.Search...), l.Domain) {
				assert.True(t, name == "" || hostnet.ValidDomain(name) && !strings.HasSuffix(name, "."), name)
			}
			assert.True(t, l.HostName == "" || hostnet.ValidHostName(l.HostName))
			for _, a := range append(append(append([]netip.Addr{}, l.DNS...), l.NTP...), l.Routers...) {
				assert.True(t, unicast(a), a)
			}
			for _, p := range append(append([]netip.Prefix{}, l.Addresses...), l.Prefixes...) {
				assert.True(t, p.IsValid() && unicast(p.Addr()) && p.Addr().Is6() == l.IPv6)
			}
			for _, r := range l.Rejected {
				assert.True(t, hostnet.PrintableText(r, 400), r)
			}
			env := Environment(l.Lease)
			assert.NotContains(t, env, "\n")
			assert.True(t, hostnet.PrintableText(env, 64<<10), env)
		}
	})
}
