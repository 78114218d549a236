package networkd

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// captured are the real files in testdata: version of systemd and ifindex.
func captured() map[string]int {
	return map[string]int{"systemd-247": 27, "systemd-252": 23, "systemd-257": 25}
}

func TestReadLeaseOfRealSystemds(t *testing.T) {
	const common = "ADDRESS=10.4.0.5 NETMASK=255.255.255.0 ROUTER=10.4.0.1 SERVER_ADDRESS=10.4.0.1 " +
		"NEXT_SERVER=10.4.0.1 BROADCAST=10.4.0.255 %s DNS=10.4.0.1 DOMAINNAME=example.test HOSTNAME=vm CLIENTID=%s"
	want := map[string]string{
		"systemd-247": fmt.Sprintf(common, "T1=300 T2=525 LIFETIME=600", "ff10175c7f00020000ab118bfef42bf829572b"),
		"systemd-252": fmt.Sprintf(common, "T1=300 T2=525 LIFETIME=600", "ff10175c7f00020000ab11d679a943e3c00a29"),
		"systemd-257": fmt.Sprintf(common, "T1=5min T2=8min 45s LIFETIME=10min", "ff10175c7f00020000ab11eda00d8f164d8c72"),
	}
	for version, index := range captured() {
		t.Run(version, func(t *testing.T) {
			lease, err := ReadLease(filepath.Join("testdata", version), index)
			require.NoError(t, err)
			assert.Equal(t, want[version], lease.Environment())
			assert.Equal(t, []netip.Addr{netip.MustParseAddr("10.4.0.1")}, lease.DNS)
			assert.Equal(t, []string{"example.test"}, lease.Domains)
			assert.Empty(t, lease.DomainSearch)
			assert.Empty(t, lease.Rejected)
		})
	}
}

func TestReadLeaseWithoutOne(t *testing.T) {
	_, err := ReadLease(filepath.Join("testdata", "systemd-252"), 99)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "link 99")
}

func TestParseLeaseTakesWhatIsAsItsKeySays(t *testing.T) {
	tests := []struct {
		line string // of a lease file, and of the environment where the same
		want string // of the environment, where it differs
	}{
		{"ADDRESS=192.0.2.5", ""},
		{"MTU=9001", ""},
		{"T1=infinity", ""},
		{"LIFETIME=1month 2d 3h", ""},
		{"DNS=192.0.2.1 192.0.2.2", ""},
		{"NTP=192.0.2.1", ""},
		{"DNR=192.0.2.1:853#dns.example", ""},
		{"DOMAIN_SEARCH_LIST=example.test corp.example.", ""},
		{"ROUTES=198.51.100.0/24,192.0.2.1", ""},
		{"CLASSLESS_ROUTES=198.51.100.0/24,192.0.2.1 0.0.0.0/0,192.0.2.1", ""},
		{"ROOT_PATH=192.0.2.9:/export/root", ""},
		{"TIMEZONE=Europe/Berlin", ""},
		{"TIMEZONE=EST5EDT4,M3.2.0/02:00,M11.1.0/02:00", ""},
		{"VENDOR_SPECIFIC=0104deadBEEF", ""},
		{"OPTION_224=00", ""},
		{"SOMETHING_NEW=yes", ""},
		{"ROOT_PATH=", ""},
		{`ROOT_PATH="/export/root"`, "ROOT_PATH=/export/root"},
		{"DNS=192.0.2.1 dns.example 192.0.2.2", "DNS=192.0.2.1 192.0.2.2"},
		{"CLASSLESS_ROUTES=198.51.100.0/24,192.0.2.1 bad", "CLASSLESS_ROUTES=198.51.100.0/24,192.0.2.1"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			want := tt.want
			if want == "" {
				want = tt.line
			}
			assert.Equal(t, want, parseLease([]byte(tt.line+"\n")).Environment())
		})
	}
}

func TestParseLeaseRejectsHostileValues(t *testing.T) {
	long := strings.Repeat("a", maxValueBytes+1)
	tests := []struct{ name, line string }{
		{"command in a word", "ROOT_PATH=$(reboot)"},
		{"backquotes", "TIMEZONE=`reboot`"},
		{"variable", "ROOT_PATH=$HOME"},
		{"separator", "HOSTNAME=vm;reboot"},
		{"pipe", "DOMAINNAME=a|reboot"},
		{"background", "HOSTNAME=vm&reboot"},
		{"redirection", "ROOT_PATH=/x>/etc/passwd"},
		{"glob", "ROOT_PATH=/*"},
		{"brace", "ROOT_PATH={a,b}"},
		{"tilde", "ROOT_PATH=~root"},
		{"history", "ROOT_PATH=!!"},
		{"comment", "TIMEZONE=#x"},
		{"option", "ROOT_PATH=-rf"},
		{"second word", "HOSTNAME=vm reboot"},
		{"looks like another line", "ROOT_PATH=/x ADDRESS=192.0.2.66"},
		{"single quote", "DOMAINNAME=a'b"},
		{"double quote", `DOMAINNAME=a"b`},
		{"quoted newline", "ROOT_PATH=\"/x\nADDRESS=192.0.2.66\""},
		{"quoted carriage return", "ROOT_PATH='/x\rADDRESS=192.0.2.66'"},
		{"newline as an escape", `ROOT_PATH=/x\\nADDRESS=192.0.2.66`},
		{"newline as an octal escape", `ROOT_PATH=/x\\012ADDRESS=192.0.2.66`},
		{"tab", "ROOT_PATH=/x\ty"},
		{"NUL", "ROOT_PATH=/x\x00"},
		{"NUL in an address", "ADDRESS=192.0.2.5\x00"},
		{"terminal escape", "HOSTNAME=\x1b[2J"},
		{"not UTF-8", "HOSTNAME=\xff\xfe"},
		{"not ASCII", "ROOT_PATH=/ｅxport"},
		{"over-long word", "TIMEZONE=" + strings.Repeat("a", maxWordBytes+1)},
		{"over-long hexadecimal", "VENDOR_SPECIFIC=" + long},
		{"over-long unknown", "UNKNOWN=" + long},
		{"host name for an address", "ADDRESS=vm"},
		{"IPv6 where IPv4 belongs", "ADDRESS=2001:db8::1"},
		{"address with a length", "ROUTER=192.0.2.1/24"},
		{"leading zeros", "ADDRESS=192.0.2.010"},
		{"address for a name", "DOMAINNAME=192.0.2.1"},
		{"MTU out of range", "MTU=65536"},
		{"MTU with a sign", "MTU=+1500"},
		{"time span", "T1=5parsecs"},
		{"time span of shell", "T1=$((1))s"},
		{"route without gateway", "CLASSLESS_ROUTES=198.51.100.0/24"},
		{"route with too long a prefix", "STATIC_ROUTES=198.51.100.0/33,192.0.2.1"},
		{"route with a command", "ROUTES=198.51.100.0/24,192.0.2.1;reboot"},
		{"odd hexadecimal", "CLIENTID=xyz"},
		{"private option in text", "OPTION_224=reboot"},
		{"lower-case key", "path=/tmp"},
		{"key with a command", "A$(reboot)=x"},
		{"over-long key", strings.Repeat("K", maxKeyBytes+1) + "=x"},
		{"no key", "=x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lease := parseLease([]byte(tt.line + "\n"))
			assert.Empty(t, lease.Environment())
			assert.Empty(t, lease.DNS)
			assert.Empty(t, lease.Domains)
			require.NotEmpty(t, lease.Rejected)
			for _, line := range lease.Rejected {
				assert.True(t, hostnet.PrintableText(line, 400), "%q", line)
			}
		})
	}

	t.Run("second address", func(t *testing.T) {
		lease := parseLease([]byte("ADDRESS=192.0.2.5\nADDRESS=192.0.2.66\n"))
		assert.Equal(t, "ADDRESS=192.0.2.5", lease.Environment())
		assert.Equal(t, []string{`ADDRESS: "192.0.2.66" is given a second time`}, lease.Rejected)
	})
	t.Run("many", func(t *testing.T) {
		lease := parseLease([]byte("NTP=" + strings.Repeat("x ", 100)))
		assert.Len(t, lease.Rejected, maxRejected+1)
		assert.Equal(t, "and 84 more", lease.Rejected[maxRejected])
	})
}

func TestLeasePrefix(t *testing.T) {
	for text, want := range map[string]string{
		"ADDRESS=192.0.2.5\nNETMASK=255.255.255.0\n":   "192.0.2.5/24",
		"NETMASK=255.255.255.254\nADDRESS=192.0.2.5\n": "192.0.2.5/31",
		"ADDRESS=192.0.2.5\nNETMASK=0.0.0.0\n":         "192.0.2.5/0",
		"ADDRESS=192.0.2.5\nNETMASK=255.0.255.0\n":     "192.0.2.5/32", // no mask of a prefix
		"ADDRESS=192.0.2.5\nNETMASK=x\n":               "192.0.2.5/32",
		"ADDRESS=192.0.2.5\nNETMASK=\n":                "192.0.2.5/32",
		"ADDRESS=192.0.2.5\n":                          "192.0.2.5/32",
		"NETMASK=255.255.255.0\n":                      "invalid Prefix",
		"ADDRESS=2001:db8::1\n":                        "invalid Prefix",
	} {
		assert.Equal(t, want, parseLease([]byte(text)).Prefix.String(), text)
	}
}

func TestLeaseSignature(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "systemd-257", "leases", "25"))
	require.NoError(t, err)
	text := string(raw)
	signature := func(replace ...string) string {
		return parseLease([]byte(strings.NewReplacer(replace...).Replace(text))).Signature()
	}
	base := signature()

	tests := []struct {
		name    string
		replace []string
		same    bool
	}{
		{"timers", []string{"T1=5min", "T1=4min 1s", "T2=8min 45s", "T2=7min", "LIFETIME=10min", "LIFETIME=9min"}, true},
		{"timers gone", []string{"T1=5min\n", "", "LIFETIME=10min\n", ""}, true},
		{"comment", []string{"Do not parse", "Go away"}, true},
		{"order", []string{"DNS=10.4.0.1\n", "", "HOSTNAME", "DNS=10.4.0.1\nHOSTNAME"}, true},
		{"rejected", []string{"HOSTNAME=", "ROOT_PATH=$(x)\nHOSTNAME="}, true},
		{"address", []string{"10.4.0.5", "10.4.0.6"}, false},
		{"name server", []string{"DNS=10.4.0.1", "DNS=10.4.0.1 10.4.0.2"}, false},
		{"server", []string{"SERVER_ADDRESS=10.4.0.1", "SERVER_ADDRESS=10.4.0.3"}, false},
		{"option gone", []string{"HOSTNAME=vm\n", ""}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.NotEqual(t, text, strings.NewReplacer(tt.replace...).Replace(text))
			assert.Equal(t, tt.same, base == signature(tt.replace...))
		})
	}
	assert.NotEqual(t, Lease{}.Signature(), base)
}

// FuzzParseLease looks for bytes that a shell gives a meaning in what reaches
// it, and for a lease that does not stay itself when it is read again.
func FuzzParseLease(f *testing.F) {
	for version, index := range captured() {
		raw, err := os.ReadFile(filepath.Join("testdata", version, "leases", strconv.Itoa(index)))
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte("DNR=192.0.2.1:853%2#dns.example\nROUTES=0.0.0.0/0,192.0.2.1 x\nOPTION_224=\"00\"\nT1=1h 2s"))
	f.Add([]byte("ADDRESS='192.0.2.1\nDNS=\\\n1.1.1.1\x00\xff`$(x)`"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lease := parseLease(raw)
		env := lease.Environment()
		for _, word := range strings.Fields(env) {
			// A "#" stands only inside a word, where it starts no comment.
			assert.True(t, isPlainWord(strings.ReplaceAll(word, "#", ".")), "%q", word)
			assert.False(t, strings.HasPrefix(word, "#"), "%q", word)
		}
		assert.LessOrEqual(t, len(env), len(raw))
		assert.LessOrEqual(t, len(lease.Rejected), maxRejected+1)

		var b strings.Builder
		for _, field := range lease.fields {
			b.WriteString(field.key + "=" + field.value + "\n")
		}
		again := parseLease([]byte(b.String()))
		assert.Equal(t, env, again.Environment())
		assert.Equal(t, lease.Signature(), again.Signature())
		assert.Empty(t, again.Rejected)
	})
}
