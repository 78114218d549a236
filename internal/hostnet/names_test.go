package hostnet_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestNames(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	domain253 := strings.Join([]string{label63, label63, label63, strings.Repeat("b", 61)}, ".")

	tests := []struct {
		name   string
		text   string
		domain bool
		host   bool
	}{
		{"one label", "vm", true, true},
		{"qualified", "vm.example.test", true, true},
		{"upper case and digits", "VM-01.Example.TEST", true, true},
		{"starts with a digit", "3com.example", true, true},
		{"digits alone", "12", true, true},
		{"final dot", "example.test.", true, false},
		{"ASCII form of an IDN", "xn--bcher-kva.example", true, true},
		{"longest label", label63, true, true},
		{"longest domain", domain253, true, false},
		{"empty", "", false, false},
		{"root", ".", false, false},
		{"two dots", "a..b", false, false},
		{"leading dot", ".example", false, false},
		{"label too long", label63 + "a", false, false},
		{"domain too long", domain253 + "b", false, false},
		{"leading hyphen", "-a.example", false, false},
		{"trailing hyphen", "a-.example", false, false},
		{"underscore", "_dmarc.example", false, false},
		{"IPv4 address", "192.0.2.1", false, false},
		{"IPv6 address", "2001:db8::1", false, false},
		{"white space", "a b", false, false},
		{"newline", "a\nb", false, false},
		{"NUL", "a\x00", false, false},
		{"shell", "$(reboot)", false, false},
		{"quote", `a"b`, false, false},
		{"semicolon", "a;b", false, false},
		{"not ASCII", "bücher.example", false, false},
		{"not UTF-8", "a\xff", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.domain, hostnet.ValidDomain(tt.text), "domain")
			assert.Equal(t, tt.host, hostnet.ValidHostName(tt.text), "host name")
		})
	}
}

func TestPrintableText(t *testing.T) {
	tests := []struct {
		name string
		text string
		want bool
	}{
		{"empty", "", true},
		{"words", "Red Hat, Inc.", true},
		{"not ASCII", "Müller & Söhne", true},
		{"as long as may be", strings.Repeat("x", 32), true},
		{"too long", strings.Repeat("x", 33), false},
		{"newline", "a\nb", false},
		{"escape", "\x1b[2J", false},
		{"C1 control", "\u009b2J", false},
		{"right-to-left override", "a\u202eb", false},
		{"NUL", "a\x00b", false},
		{"not UTF-8", "a\xffb", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, hostnet.PrintableText(tt.text, 32))
		})
	}
}

func TestMakePrintable(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "eth0 é": "eth0 é", "a\nb\x1b[2J\x7f\u009b\u202e": "a?b?[2J???", "\xff\uFFFD": "??",
		strings.Repeat("é", 20): strings.Repeat("é", 15), "x" + strings.Repeat("é", 20): "x" + strings.Repeat("é", 14),
	} {
		got := hostnet.MakePrintable(text, 30)
		assert.Equal(t, want, got)
		assert.True(t, hostnet.PrintableText(got, 30))
	}
}

// TestShellWord: what netbrk tells to type means a link by its name, whatever that is.
func TestShellWord(t *testing.T) {
	for name, want := range map[string]string{
		"eth0.7@wg-1": "eth0.7@wg-1", "/etc/netbrk/x_y": "/etc/netbrk/x_y",
		"": "''", "a;b$(c)": "'a;b$(c)'", "a'b": `'a'\''b'`, "~": "'~'", "ü": "'ü'",
		// A shell that does not know $'...' has it as $ and a word in quotes: nothing runs.
		"\x1b'$(x)": `$'\x1b\x27$(x)'`, "\xff": `$'\xff'`,
	} {
		assert.Equal(t, want, hostnet.ShellWord(name), name)
	}
	named := func(int) string { return "a;b" }
	address := hostnet.Addr{Prefix: netip.MustParsePrefix("192.0.2.1/32")}
	assert.Equal(t, "ip -4 address add 192.0.2.1/32 dev 'a;b'", hostnet.LinkStep{Index: 2, Addr: address}.Command(named))
	assert.Equal(t, "ip link set dev 'a;b' up", hostnet.LinkStep{Index: 2, Up: true}.Command(named))
	route := hostnet.Route{Destination: address.Prefix, Type: hostnet.RouteUnicast, Index: 2, Protocol: hostnet.Protocol}
	assert.Contains(t, hostnet.Step{Route: route}.Command(named), " dev 'a;b' ")
}
