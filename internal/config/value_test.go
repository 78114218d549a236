package config

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// loadText loads one file of the given text, as /etc/netbrk/netbrk.toml.
func loadText(t *testing.T, text string) (*Config, []string, error) {
	t.Helper()
	root := tree(t, map[string]string{DefaultPath: text})
	c, warnings, err := Load(Options{Root: root})
	if err != nil {
		for _, e := range err.(Errors) {
			e.File = strings.TrimPrefix(e.File, root)
		}
	}
	return c, lines(root, warnings), err
}

func writeDropIn(root, name, content string) error {
	return os.WriteFile(filepath.Join(root, DefaultPath+".d", name), []byte(content), 0o644)
}

// lookUp returns the field of c that key, "Section.Key", sets.
func lookUp(t *testing.T, c *Config, key string) any {
	t.Helper()
	section, name, _ := strings.Cut(key, ".")
	if name == "Generator" {
		name = "Generators"
	}
	v := reflect.ValueOf(*c).FieldByName(section).FieldByName(name)
	require.True(t, v.IsValid(), key)
	return v.Interface()
}

// Every key with every form that its value can have.
func TestValueForms(t *testing.T) {
	bools := map[string]any{
		"true": true, "false": false, `"true"`: true, `"false"`: false, `"Yes"`: true, `"NO"`: false,
		`"TRUE"`: true, `"on"`: true, `"off"`: false, `"1"`: true, `"0"`: false, "1": true, "0": false, `" yes "`: true,
	}
	durations := map[string]any{
		`"300s"`: 5 * time.Minute, "300": 5 * time.Minute, `"300"`: 5 * time.Minute, `"5m"`: 5 * time.Minute,
		`"5min"`: 5 * time.Minute, `"5 min"`: 5 * time.Minute, `"1h30m"`: 90 * time.Minute,
		`"1h 30min"`: 90 * time.Minute, `"1hr 1sec"`: time.Hour + time.Second, `"2 days"`: 48 * time.Hour,
		`"1w"`: 7 * 24 * time.Hour, `"1.5h"`: 90 * time.Minute, `"2500ms"`: 2500 * time.Millisecond,
		`"2500 msec"`: 2500 * time.Millisecond, `"1s 500000usec"`: 1500 * time.Millisecond, `" 7s "`: 7 * time.Second,
	}
	links := map[string]any{
		`"eth0"`:                  matcher(t, "eth0"),
		`" eth0\t wlan* \n !x "`:  matcher(t, "eth0", "wlan*", "!x"),
		`["eth0", "wlan*", "!x"]`: matcher(t, "eth0", "wlan*", "!x"),
		`["eth0 wlan*", " !x"]`:   matcher(t, "eth0", "wlan*", "!x"),
		"'eth\\*'":                matcher(t, `eth\*`),
		"'''\neth0\nwlan*'''":     matcher(t, "eth0", "wlan*"),
	}
	level := map[string]any{
		`"trace"`: levelTrace, `"debug"`: slog.LevelDebug, `"info"`: slog.LevelInfo, `"warn"`: slog.LevelWarn,
		`"warning"`: slog.LevelWarn, `"error"`: slog.LevelError, `"fatal"`: slog.LevelError, `"panic"`: slog.LevelError,
		`"Warning"`: slog.LevelWarn, `"DEBUG"`: slog.LevelDebug,
	}
	tests := map[string]map[string]any{
		"System.LogLevel":  level,
		"System.LogFormat": {`"text"`: "text", `"json"`: "json", `"JSON"`: "json"},
		"System.Generator": {
			`"systemd-networkd"`:          []string{"systemd-networkd"},
			`"dhclient"`:                  []string{"dhclient"},
			`"kernel"`:                    []string{"kernel"},
			`"Kernel dhclient kernel"`:    []string{"kernel", "dhclient"},
			`["kernel", "dhclient"]`:      []string{"kernel", "dhclient"},
			`"systemd-networks"`:          []string{"systemd-networkd"},
			`"systemd-networkd dhclient"`: []string{"systemd-networkd", "dhclient"},
		},
		"System.RefreshTimer": durations,
		"System.HookTimeout":  durations,
		"System.HookWorkers":  {"1": 1, "256": 256, `"16"`: 16, `" 16 "`: 16, "1_0": 10, "0x10": 16},
		"System.HookDirs": {
			`"/a"`:                  []string{"/a"},
			`"/a /b/"`:              []string{"/a", "/b"},
			`["/a b", "/c//d/../"]`: []string{"/a b", "/c"},
			`["/a", "/a/"]`:         []string{"/a"},
		},
		"System.LeaseFiles": {
			`"/a/*.leases /b/?[0-9]/"`: []string{"/a/*.leases", "/b/?[0-9]"},
			`["/a b/*", "/c//d/../*"]`: []string{"/a b/*", "/c/*"},
		},
		"System.NetworkdDispatcher":  bools,
		"Network.Links":              links,
		"Network.RoutingPolicyRules": links,
		"Network.Supplementary":      links,
		"Network.RouteTableBase":     {"255": 255, "10000": 10000, `"10000"`: 10000, "2147483647": 1<<31 - 1},
		"Network.RulePriority":       {"1": 1, "32762": 32762, `"100"`: 100},
		"Network.EmitJSON":           bools,
		"Network.UseDNS":             bools,
		"Network.UseDomain":          bools,
		"Network.UseHostname":        bools,
		"Network.Listen": {
			`"127.0.0.1:80"`:      netip.MustParseAddrPort("127.0.0.1:80"),
			`"[::1]:5209"`:        netip.MustParseAddrPort("[::1]:5209"),
			`"0.0.0.0:65535"`:     netip.MustParseAddrPort("0.0.0.0:65535"),
			`"[fe80::1%eth0]:53"`: netip.MustParseAddrPort("[fe80::1%eth0]:53"),
			`" [::]:5209 "`:       netip.MustParseAddrPort("[::]:5209"),
		},
		"Cloud.Provider": {
			`"auto"`: "auto", `"none"`: "none", `"aws"`: "aws", `"azure"`: "azure", `"GCP"`: "gcp", `"alibaba"`: "alibaba",
			`"oracle"`: "oracle", `"digitalocean"`: "digitalocean", `"hetzner"`: "hetzner", `"openstack"`: "openstack",
		},
		"Cloud.ExposeCredentials": bools,
	}
	for _, key := range Keys() {
		require.Contains(t, tests, key)
	}
	for key, forms := range tests {
		t.Run(key, func(t *testing.T) {
			section, name, _ := strings.Cut(key, ".")
			for form, want := range forms {
				spellings := []string{
					"[" + section + "]\n" + name + " = " + form,
					"[" + strings.ToUpper(section) + "]\n" + strings.ToLower(name) + "=" + form + "# comment",
					strings.ToLower(section) + "." + strings.ToUpper(name) + " = " + form,
				}
				if !strings.Contains(form, "\n") {
					spellings = append(spellings, section+" = { "+name+" = "+form+" }")
				}
				for _, text := range spellings {
					c, warnings, err := loadText(t, text)
					require.NoError(t, err, text)
					assert.Empty(t, warnings, text)
					assert.Equal(t, want, lookUp(t, c, key), text)
				}
			}
			// Set to something else before, an empty value brings the default back.
			for _, form := range []string{`""`, `" "`, "[]", `[""]`, `["", " "]`} {
				root := tree(t, map[string]string{DefaultPath + ".d/b.toml": "[" + section + "]\n" + name + " = " + form})
				for other := range forms {
					require.NoError(t, writeDropIn(root, "a.toml", "["+section+"]\n"+name+" = "+other))
					c, _, err := Load(Options{Root: root})
					require.NoError(t, err)
					assert.Equal(t, lookUp(t, Default(root), key), lookUp(t, c, key), "%s after %s", form, other)
				}
			}
		})
	}
}

// Every key with values that it cannot have.
func TestBadValues(t *testing.T) {
	const (
		someLevel    = " is not one of trace, debug, info, warning, warn, error, fatal, panic"
		someDuration = " is not a duration, such as 300s or 5min"
		someListen   = " is not an address with a port, such as 127.0.0.1:5209 or [::1]:5209"
		someList     = " is not a list: use a string of words or an array of strings"
		someBool     = " is not a boolean: use true or false"
		someProvider = " is not one of auto, none, aws, azure, gcp, alibaba, oracle, digitalocean, hetzner, openstack"
	)
	bools := map[string]string{
		`"maybe"`: `"maybe"` + someBool, "2": "2" + someBool, "1.0": "1" + someBool,
		"[true]": "an array" + someBool, "{ a = 1 }": "a table" + someBool, "2024-01-01": "a date" + someBool,
	}
	durations := map[string]string{
		`"soon"`: `"soon"` + someDuration, `"5 parsecs"`: `"5 parsecs"` + someDuration, `"min"`: `"min"` + someDuration,
		`"1..5 min"`: `"1..5 min"` + someDuration, "1.5": "1.5" + someDuration, "true": "true" + someDuration,
		`["1s"]`: "an array" + someDuration, `"300 years"`: `"300 years"` + someDuration,
		`"99999999999999"`: `"99999999999999"` + someDuration, "99999999999999": "99999999999999" + someDuration,
		`"15653w"`: `"15653w"` + someDuration, "10000000000": "10000000000" + someDuration, // over 292 years
		`"5M"`: `"5M"` + someDuration, `"5s, 6s"`: `"5s, 6s"` + someDuration,
	}
	withLeast := func(least string) map[string]string {
		list := map[string]string{
			`"0"`: `"0" is less than ` + least, "0": "0 is less than " + least, `"-5s"`: `"-5s" is less than ` + least,
			"-5": "-5 is less than " + least, `"1us"`: `"1us" is less than ` + least,
		}
		for k, v := range durations {
			list[k] = v
		}
		return list
	}
	refresh := withLeast("1s")
	refresh[`"999ms"`] = `"999ms" is less than 1s`
	links := map[string]string{
		"5": "5" + someList, "true": "true" + someList, `["eth0", 5]`: "5 in the array is not a string",
		`["eth0", ["eth1"]]`: "an array in the array is not a string",
		`"eth0 eth["`:        `"eth[" is not a valid pattern: a [ without its ], or a \ at the end`,
		`["eth0", "!"]`:      `"!" names no link`,
	}
	number := func(least, most string, out ...string) map[string]string {
		list := map[string]string{
			`"abc"`: `"abc" is not a number`, "1.5": "1.5 is not a number", `"1.5"`: `"1.5" is not a number`,
			"true": "true is not a number", "[1]": "an array is not a number", `"0x10"`: `"0x10" is not a number`,
			`"99999999999999999999"`: `"99999999999999999999" is not from ` + least + " to " + most,
		}
		for _, o := range out {
			list[o] = o + " is not from " + least + " to " + most
		}
		return list
	}
	tests := map[string]map[string]string{
		"System.LogLevel": {
			`"loud"`: `"loud"` + someLevel, `"eror"`: `"eror"` + someLevel + "; did you mean error?", "3": "3" + someLevel,
		},
		"System.LogFormat": {
			`"xml"`: `"xml" is not one of text, json`, `"txt"`: `"txt" is not one of text, json; did you mean text?`,
			"true": "true is not one of text, json",
		},
		"System.Generator": {
			`"networkd"`:         `"networkd" is not one of systemd-networkd, dhclient, kernel`,
			`"kernel dhclinet"`:  `"dhclinet" is not one of systemd-networkd, dhclient, kernel; did you mean dhclient?`,
			`["dhclient", true]`: "true in the array is not a string", "1": "1" + someList,
		},
		"System.RefreshTimer": refresh,
		"System.HookTimeout":  withLeast("1ms"),
		"System.HookWorkers":  number("1", "256", "0", "-1", "257"),
		"System.HookDirs": {
			`"etc"`: `"etc" is not an absolute path`, `"/a b"`: `"b" is not an absolute path`,
			`["/a", ""]`: `"" is not an absolute path`, `["/a", 1]`: "1 is not an absolute path",
			`"/a\u0000"`: `"/a\x00" is not an absolute path`, "1": "1" + someList,
		},
		"System.LeaseFiles": {
			`"*.leases"`: `"*.leases" is not an absolute path`, "1": "1" + someList,
			`"/a/["`:    `"/a/[" is not a pattern of paths, such as /var/lib/dhcp/*.leases`,
			`["/a\nb"]`: `"/a\nb" is not a pattern of paths, such as /var/lib/dhcp/*.leases`,
		},
		"System.NetworkdDispatcher":  bools,
		"Network.Links":              links,
		"Network.RoutingPolicyRules": links,
		"Network.Supplementary":      links,
		"Network.RouteTableBase":     number("1", "2147483647", "0", "-1", "2147483648", "4294967296"),
		"Network.RulePriority":       number("1", "32762", "0", "-1", "32763", "32766"),
		"Network.EmitJSON":           bools,
		"Network.UseDNS":             bools,
		"Network.UseDomain":          bools,
		"Network.UseHostname":        bools,
		"Network.Listen": {
			`"localhost:5209"`: `"localhost:5209"` + someListen, `"127.0.0.1"`: `"127.0.0.1"` + someListen,
			`":5209"`: `":5209"` + someListen, `"::1:5209"`: `"::1:5209"` + someListen, "5209": "5209" + someListen,
			`"127.0.0.1:0"`: `"127.0.0.1:0"` + someListen, `"127.0.0.1:65536"`: `"127.0.0.1:65536"` + someListen,
		},
		"Network.Address": {
			`"localhost"`: `"localhost" is not an address, such as 127.0.0.1 or ::1`, "1": "1 is not an address, such as 127.0.0.1 or ::1",
		},
		"Network.Port":      number("1", "65535", "0", "65536"),
		"Network.Generator": {`"networkd"`: `"networkd" is not one of systemd-networkd, dhclient, kernel`},
		"Cloud.Provider": {
			`"amazon"`: `"amazon"` + someProvider, `"azur"`: `"azur"` + someProvider + "; did you mean azure?", "1": "1" + someProvider,
		},
		"Cloud.ExposeCredentials": bools,
	}
	for _, key := range Keys() {
		require.Contains(t, tests, key)
	}
	for key, forms := range tests {
		t.Run(key, func(t *testing.T) {
			section, name, _ := strings.Cut(key, ".")
			for form, want := range forms {
				c, _, err := loadText(t, "# a comment\n["+section+"]\n\n  "+name+" = "+form+"\n")
				assert.Nil(t, c)
				require.Error(t, err, form)
				e := err.(Errors)[0]
				assert.Equal(t, 4, e.Line, form)
				assert.Contains(t, []int{len(name) + 6, len(name) + 7}, e.Col, "the value, or what is in its quotes")
				assert.Equal(t, key+": "+want, strings.TrimPrefix(err.Error(), e.Position.String()+": "))
				assert.NotContains(t, err.Error(), "\n")
			}
		})
	}
}

// A long value is told in part.
func TestBadValueIsShortened(t *testing.T) {
	_, _, err := loadText(t, "Network.RulePriority = '"+strings.Repeat("9x", 1000)+"'")
	require.Error(t, err)
	assert.Less(t, len(err.Error()), 200)
}
