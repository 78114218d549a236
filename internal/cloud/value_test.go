package cloud

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseMAC(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "42:01:0a:80:00:05", "42:01:0a:80:00:05"},
		{"azure", "00224805AB01", "00:22:48:05:ab:01"},
		{"oracle", "02:00:17:00:AA:01", "02:00:17:00:aa:01"},
		{"dashes and blanks", " 00-22-48-05-ab-01\n", "00:22:48:05:ab:01"},
		{"dots", "0022.4805.ab01", "00:22:48:05:ab:01"},
		{"short", "00224805AB", ""},
		{"infiniband", "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:22:48:05", ""},
		{"digits", "0g224805AB01", ""},
		{"zeros", "00:00:00:00:00:00", ""},
		{"multicast", "01:00:5e:00:00:01", ""},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseMAC(tt.text)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.want == "", err != nil)
		})
	}
}

func TestParseAddr(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"IPv4", "10.0.0.5\n", "10.0.0.5"},
		{"IPv6 in full", "2001:DB8:0:1:0:0:0:10", "2001:db8:0:1::10"},
		{"brackets", "[2001:db8::1]", "2001:db8::1"},
		{"link local", "fe80::1", "fe80::1"},
		{"zone", "fe80::1%eth0", ""},
		{"IPv4 in IPv6", "::ffff:10.0.0.1", ""},
		{"prefix", "10.0.0.0/24", ""},
		{"leading zero", "10.0.0.05", ""},
		{"unspecified", "0.0.0.0", ""},
		{"loopback", "127.0.0.1", ""},
		{"multicast", "ff02::1", ""},
		{"broadcast", "255.255.255.255", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseAddr(tt.text)
			if tt.want == "" {
				assert.Error(t, err)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, tt.want, got.String())
		})
	}
}

func TestParsePrefix(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"prefix", "10.0.0.0/24", "10.0.0.0/24"},
		{"not masked", "10.0.0.5/24", "10.0.0.0/24"},
		{"address", "10.0.0.5", "10.0.0.5/32"},
		{"mask", "10.0.0.5/255.255.240.0", "10.0.0.0/20"},
		{"IPv6", "2001:db8:5:0:0:0:0:0/96", "2001:db8:5::/96"},
		{"IPv6 address", "2001:db8::1", "2001:db8::1/128"},
		{"everything", "10.0.0.0/0", ""},
		{"half of it", "64.0.0.0/1", ""},
		{"wide IPv6", "2001:db8::/15", ""},
		{"too long", "10.0.0.0/33", ""},
		{"mask with a hole", "10.0.0.0/255.0.255.0", ""},
		{"no length", "10.0.0.0/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePrefix(tt.text)
			if tt.want == "" {
				assert.Error(t, err)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, tt.want, got.String())
		})
	}
}

func TestParseBits(t *testing.T) {
	for text, want := range map[string]int{
		"24": 24, "/24": 24, " 255.255.255.0 ": 24, "255.255.240.0": 20, "255.255.255.255": 32, "ffff:ffff:ffff:ffff::": 64, "128": 128,
		"": 0, "0": 0, "0.0.0.0": 0, "129": 0, "-1": 0, "255.0.255.0": 0, "255.255.255.1": 0, "::ffff": 0, "x": 0,
	} {
		got, err := ParseBits(text)
		assert.Equal(t, want, got, text)
		assert.Equal(t, want == 0, err != nil, text)
	}
}

func TestParseList(t *testing.T) {
	for text, want := range map[string][]string{
		`["10.0.0.5","10.0.0.6"]`:       {"10.0.0.5", "10.0.0.6"},
		`[2001:db8::1,2001:db8::2]`:     {"2001:db8::1", "2001:db8::2"},
		"10.0.0.5\n10.0.0.6\n":          {"10.0.0.5", "10.0.0.6"},
		"10.0.0.5, 10.0.0.6":            {"10.0.0.5", "10.0.0.6"},
		"[]":                            nil,
		"":                              nil,
		"<null>":                        nil,
		"null":                          nil,
		"[ \"10.0.0.5\",\n \"<null>\"]": {"10.0.0.5"},
	} {
		assert.ElementsMatch(t, want, ParseList(text), text)
	}
}

func TestParseFact(t *testing.T) {
	for text, want := range map[string]string{
		" vm1\n": "vm1", "<null>": "", `{"a":1}`: "", "[]": "", "a\x1b[31m": "", "two\nlines": "", "größe": "größe", "\xff": "",
	} {
		assert.Equal(t, want, ParseFact(text), text)
	}
}

func TestParseKeys(t *testing.T) {
	got := ParseKeys("# mine\nssh-ed25519 AAAA a\r\n\nssh-rsa BBBB b\nssh-ed25519 AAAA a\n\x1b[2J\n")
	assert.Equal(t, []string{"ssh-ed25519 AAAA a", "ssh-rsa BBBB b"}, got)
}

// TestParseKeysIsBounded: a service may list a megabyte of keys, all different.
func TestParseKeysIsBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("ssh-rsa " + strings.Repeat("A", 16<<10) + "\n")
	for i := 0; text.Len() < 1<<20; i++ {
		fmt.Fprintf(&text, "%x\n", i)
	}
	got := ParseKeys(text.String())
	assert.Len(t, got, maxKeys)
	assert.Equal(t, []string{"0", "1"}, got[:2], "and none that is longer than a key")
}

func TestDecode(t *testing.T) {
	type document struct {
		Name Text
		List Texts
		Deep []struct{ Prefix Text }
	}
	for _, tt := range []struct {
		name, text string
		want       document
		odd        string
	}{
		{"strings", `{"name":"a","list":["b","c"]}`, document{Name: "a", List: Texts{"b", "c"}}, ""},
		{"numbers and booleans", `{"name":24,"list":[true]}`, document{Name: "24", List: Texts{"true"}}, ""},
		{"nothing", `{"name":null,"list":null,"deep":null}`, document{}, ""},
		{"empty in a list", `{"list":["","<null>",null,"b"]}`, document{List: Texts{"b"}}, ""},
		{"one for a list", `{"name":" a ","list":"b"}`, document{Name: "a", List: Texts{"b"}}, ""},
		{"objects", `{"name":{"a":1},"list":{}}`, document{Name: `{"a":1}`, List: Texts{"{}"}}, ""},
		{"another kind", `{"deep":"x","name":"a"}`, document{Name: "a"}, "Deep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got document
			odd, err := Decode([]byte(tt.text), &got)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.odd, odd)
		})
	}
	_, err := Decode([]byte(`{"name":`), &document{})
	assert.ErrorIs(t, err, ErrRefused)
	odd, err := Decode([]byte(`[]`), &document{})
	assert.NoError(t, err)
	assert.NotEmpty(t, odd)
}

// FuzzValues makes sure that what is read can be read again and is the same.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{"00224805AB01", "[2001:db8::1]", "10.0.0.5/255.255.255.0", "255.255.240.0", `["a",b]`, "<null>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if mac, err := ParseMAC(text); err == nil {
			again, err := ParseMAC(mac)
			assert.NoError(t, err)
			assert.Equal(t, mac, again)
		}
		if addr, err := ParseAddr(text); err == nil {
			again, err := ParseAddr(addr.String())
			assert.NoError(t, err)
			assert.Equal(t, addr, again)
		}
		if prefix, err := ParsePrefix(text); err == nil {
			assert.Equal(t, prefix.Masked(), prefix)
			assert.Equal(t, netip.MustParsePrefix(prefix.String()), prefix)
		}
		if n, err := ParseBits(text); err == nil {
			assert.True(t, n > 0 && n <= 128)
		}
		assert.NotContains(t, ParseList(text), "")
		assert.NotContains(t, ParseFact(text), "\x1b")
		assert.NotContains(t, ParseKeys(text), "")
	})
}
