package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where a bad value is said to stand, in every way that TOML has to write it.
func TestErrorPositions(t *testing.T) {
	tests := []struct {
		name string
		text string
		want string // line:column
	}{
		{"table", "[Network]\nRulePriority = 0\n", "2:16"},
		{"without blanks", "[Network]\nRulePriority=0", "2:14"},
		{"indented, with a comment", "# RulePriority = 0\n[Network] # [x]\n\t RulePriority = 0 # 0", "3:18"},
		{"string", "[Network]\nRulePriority = '0'\n", "2:17"},
		{"dotted key", "\nNetwork.RulePriority = 0\n", "2:24"},
		{"dotted and quoted key", "\n\"Network\" . 'RulePriority' = 0\n", "2:30"},
		{"inline table", "Network = { UseDNS = true, RulePriority = 0 }", "1:28"},
		{"same key in another table above", "[Other]\nRulePriority = 0\n[Network]\nRulePriority = 0\n", "4:16"},
		{"same key in a subtable above", "[Network.Other]\nRulePriority = 0\n[Network]\nRulePriority = 0\n", "4:16"},
		{"key within a string above", "[Network]\nLinks = '''\nRulePriority = 0\n'''\nRulePriority = 0\n", "5:16"},
		{"string of several lines", "[Network]\nUseDNS = true\nRulePriority = '''\na\nb\n'''\nUseDomain = true", "3:19"},
		{"array of several lines", "[Network]\nRulePriority = [ # c\n1,\n2,\n]\n", "2:17"},
		{"CR LF", "[Network]\r\nUseDNS = true\r\nRulePriority = 0\r\n", "3:16"},
		{"byte order mark", "\xef\xbb\xbfNetwork.RulePriority = 0\n", "1:24"},
		{"letters of several bytes before it", "# ä\nNetwork = { Links = 'ä', RulePriority = 0 }\n", "2:27"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := loadText(t, tt.text)
			require.Error(t, err)
			require.Len(t, err.(Errors), 1)
			assert.True(t, strings.HasPrefix(err.Error(), DefaultPath+":"+tt.want+": Network.RulePriority: "), err.Error())
		})
	}
}

func TestSyntaxErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no value", "a = 1\n[System]\nLogLevel =\n", `:3:11: System.LogLevel: expected value but found '\n' instead`},
		{"no quotes", "[System]\nLogLevel = info\n", ":2:12: info needs quotes around it"},
		{"no quotes, with a comment", "[System]\nLogLevel =debug # for now\n", ":2:11: debug needs quotes around it"},
		{"no quotes around words", "Network.Links = eth0 wg*\n", ":1:17: eth0 wg* needs quotes around it"},
		{"no quotes around a duration", "System.RefreshTimer = 300s\n", ":1:23: 300s needs quotes around it"},
		{"number out of range", "System.HookWorkers = 99999999999999999999\n", ":1:22: System.HookWorkers: 99999999999999999999 is out of range for int64"},
		{"array not closed", "[Network]\nLinks = ['a',\n", ":2:14: Network.Links: unexpected EOF; expected value"},
		{"word for a second time", "System.UseDNS = true\nSystem.UseDNS = true\n", ":2:1: key 'System.UseDNS' has already been defined"},
		{"open string", "[System]\nLogLevel = \"info\nLogFormat = 1\n", ":2:17: System.LogLevel: strings cannot contain newlines"},
		{"open table", "[System\nx = 1\n", `:1:8: expected '.' or ']' to end table name, but got '\n' instead`},
		{"key twice", "[System]\nLogLevel = ''\nLogLevel = ''\n", ":3:1: key 'System.LogLevel' has already been defined"},
		{"table twice", "[System]\n[System]\n", ":2:2: key 'System' has already been defined"},
		{"not text", "\x00\x01", ":1:1: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8"},
		{"not to be shown", "a = '\x7f'\n", ":1:5: a: TOML files cannot contain control characters: '0x7f'"},
		{"not UTF-8", "# \xff\n", ":1:2: invalid UTF-8 byte: 0xff"},
		{"escape of a line end", "a = \"\\\n\"", `:1:6: a: invalid escape in string '\\n'`},
		{"not TOML", "System:\n  LogLevel: info\n", ":1:7: expected '.' or '=', but got ':' instead"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _, err := loadText(t, tt.text)
			assert.Nil(t, c)
			assert.EqualError(t, err, DefaultPath+tt.want)
		})
	}
}

func TestStructureErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"section as a key", "System = 5\n", ":1:1: System: is a section, not a key: write [System] above its keys"},
		{"section as an array", "[[network]]\nUseDNS = true\n", ":1:1: network: is a section, not a key: write [Network] above its keys"},
		{"key as a table", "[System.LogLevel]\n", `:1:1: System.LogLevel: a table is not one of trace, debug, info, warning, warn, error, fatal, panic`},
		{"key twice in different case", "[Network]\nUseDNS = true\n\nuseDns = false\n", ":4:1: Network.useDns: is the same key as Network.UseDNS in line 2"},
		{"section twice in different case", "[Network]\n[NETWORK]\n", ":2:1: NETWORK: is the same section as Network in line 1"},
		{"key twice, in sections of different case", "[Network]\nUseDNS = true\n[network]\nUseDNS = true\n",
			":3:1: network: is the same section as Network in line 1 (and 1 more)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _, err := loadText(t, tt.text)
			assert.Nil(t, c)
			assert.EqualError(t, err, DefaultPath+tt.want)
		})
	}
}

func TestUnknown(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"misspelt key", "[Network]\nLink = 'a'", []string{":2:1: Network.Link: unknown key; did you mean Links?"}},
		{"two letters swapped", "[System]\nHookTimeuot = 1", []string{":2:1: System.HookTimeuot: unknown key; did you mean HookTimeout?"}},
		{"misspelt, in another case", "[system]\nLOGLEVL = 1", []string{":2:1: system.LOGLEVL: unknown key; did you mean LogLevel?"}},
		{"nothing near", "[System]\nColour = 1", []string{":2:1: System.Colour: unknown key"}},
		{"key of another section", "[System]\nUseDNS = true", []string{":2:1: System.UseDNS: unknown key; did you mean Network.UseDNS?"}},
		{"key outside of a section", "loglevel = 'info'\n[System]\n", []string{":1:1: loglevel: key outside of every section; did you mean System.LogLevel?"}},
		{"unknown key outside of a section", "x = 1", []string{":1:1: x: key outside of every section"}},
		{"misspelt section is told once", "[Netwrok]\nLinks = 'a'\nUseDNS = true", []string{":1:1: Netwrok: unknown section; did you mean Network?"}},
		{"unknown section", "[Other]\nx = 1", []string{":1:1: Other: unknown section"}},
		{"unknown section by dotted key", "# c\nOther.a.x = 1\nOther.b = 1\nOther.c = 1\nOther.d = 1\nOther.e = 1\nOther.f = 1", []string{":2:1: Other: unknown section"}},
		{"subtable", "[Network.Links.x]\ny = 1\n[System.sub]\nz = 1", []string{":3:1: System.sub: unknown key"}},
		{"indented", "[System]\n   Colour = 'x'", []string{":2:4: System.Colour: unknown key"}},
		{"dotted", "[System]\n\nA.b = 1", []string{":3:1: System.A: unknown key"}},
		{"inline", "System = {HookWorkers = 1, Colour = 'x'}", []string{":1:28: System.Colour: unknown key"}},
		{"not printable", "[System]\n\"a\\n\\u001b[1mä\" = 1", []string{`:2:1: System.a\n\x1b[1mä: unknown key`}},
		{"quoted", "[System]\n\"a = b\" = 1", []string{":2:1: System.a = b: unknown key"}},
		{"in the order of the file", "[System]\nz=1\ny=1\n[Cloud]\nx=1\n[System.a]\nb=1", []string{
			":2:1: System.z: unknown key", ":3:1: System.y: unknown key", ":5:1: Cloud.x: unknown key", ":6:1: System.a: unknown key",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t, map[string]string{DefaultPath: tt.text})
			_, warnings, err := Load(Options{Root: root})
			if tt.name != "subtable" { // whose other key is a known one with a bad value
				require.NoError(t, err)
			}
			var want []string
			for _, w := range tt.want {
				want = append(want, DefaultPath+w)
			}
			assert.Equal(t, want, lines(root, warnings))

			err = Strict(warnings)
			require.Error(t, err)
			assert.Len(t, err.(Errors), len(tt.want))
			assert.True(t, strings.HasPrefix(err.Error(), warnings[0].String()))
		})
	}
}

func TestOtherWarnings(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"both Listen and its older halves", "[Network]\nPort = '1'\nListen = '127.0.0.1:2'",
			":2:1: Network.Port: has no effect: Network.Listen in line 3 counts"},
		{"both generators", "[System]\nGenerator = 'kernel'\n[Network]\nGenerator = 'dhclient'",
			":4:1: Network.Generator: has no effect: System.Generator in line 2 counts"},
		{"commas", "[Network]\nLinks = 'eth0,eth1'", `:2:1: Network.Links: "eth0,eth1" is one name: links are separated by blanks`},
		{"name too long", "[Network]\nSupplementary = 'abcdefghijklmnop eth0'", `:2:1: Network.Supplementary: "abcdefghijklmnop" cannot be the name of a link`},
		{"table of the kernel", "[Network]\nRouteTableBase = 100", ":2:1: Network.RouteTableBase: 100 makes one of the kernel's own tables, 253 to 255, that of some link"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t, map[string]string{DefaultPath: tt.text})
			_, warnings, err := Load(Options{Root: root})
			require.NoError(t, err)
			assert.Equal(t, []string{DefaultPath + tt.want}, lines(root, warnings))
			assert.NoError(t, Strict(warnings))
		})
	}
}

// The older halves of Listen, in the combinations of files that there can be.
func TestListenHalves(t *testing.T) {
	tests := []struct{ name, first, second, want string }{
		{"address alone", "Address = '::1'", "", "[::1]:5209"},
		{"address in brackets", "Address = '[::1]'", "", "[::1]:5209"},
		{"port alone", "Port = 80", "", "127.0.0.1:80"},
		{"Listen in the same file", "Address = '::1'\nListen = '127.0.0.2:1'\nPort = 80", "", "127.0.0.2:1"},
		{"port over an earlier Listen", "Listen = '127.0.0.2:1'", "Port = 80", "127.0.0.2:80"},
		{"Listen over earlier halves", "Address = '::1'\nPort = 80", "Listen = '127.0.0.2:1'", "127.0.0.2:1"},
		{"empty halves", "Listen = '127.0.0.2:1'", "Address = ''", "127.0.0.1:1"},
		{"empty port", "Listen = '127.0.0.2:1'", "Port = ''", "127.0.0.2:5209"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t, map[string]string{
				DefaultPath: "[Network]\n" + tt.first, DefaultPath + ".d/a.toml": "[Network]\n" + tt.second,
			})
			c, _, err := Load(Options{Root: root})
			require.NoError(t, err)
			assert.Equal(t, tt.want, c.Network.Listen.String())
		})
	}
}

func TestNearest(t *testing.T) {
	names := []string{"LogLevel", "LogFormat", "Links", "UseDNS", "aws", "gcp"}
	for word, want := range map[string]string{
		"LogLevel": "LogLevel", "loglevle": "LogLevel", "LgLvel": "LogLevel", "link": "Links", "linx": "", "aw": "aws",
		"usednss": "UseDNS", "gpc": "gcp", "": "", "x": "", "Level": "", "LogLevelLogFormat": "",
	} {
		assert.Equal(t, want, nearest(word, names), word)
	}
}

// FuzzParse feeds files of any bytes: they give a configuration, or errors
// that say where.
func FuzzParse(f *testing.F) {
	f.Add([]byte(reference(f)))
	f.Add([]byte(strings.ReplaceAll(reference(f), "\n#", "\n")))
	fixtures, err := filepath.Glob("testdata/*.toml")
	require.NoError(f, err)
	require.NotEmpty(f, fixtures)
	for _, name := range fixtures {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("[Network]\r\nLinks = [\n'a', # c\n\"b\\u0020c\"]\nListen.x.y = {a.b=1}\n[[Cloud]]\n'' = 1979-05-27"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 8<<10 {
			return // the decoder's time grows with the cube of how deep tables are nested
		}
		l := newLoader("/nonexistent")
		doc, err := parse("fuzz.toml", data)
		if err == nil {
			l.apply(doc)
			var c *Config
			if c, _, err = l.finish(); err == nil {
				checkLoaded(t, c, l)
				return
			}
		}
		for _, e := range err.(Errors) {
			assert.Equal(t, "fuzz.toml", e.File)
			assert.Positive(t, e.Line, e.Error())
			assert.LessOrEqual(t, e.Line, 1+strings.Count(string(data), "\n"), e.Error())
			assert.NotContains(t, e.Error(), "\n")
		}
	})
}

// checkLoaded asserts what holds for every configuration that is accepted.
func checkLoaded(t *testing.T, c *Config, l *loader) {
	t.Helper()
	assert.NotEmpty(t, c.System.Generators)
	assert.NotEmpty(t, c.System.HookDirs)
	assert.Positive(t, c.System.HookTimeout)
	assert.Positive(t, c.System.HookWorkers)
	assert.Positive(t, c.Network.RouteTableBase)
	assert.False(t, c.Network.Links.IsZero())
	assert.True(t, c.Network.Listen.IsValid())
	for _, dir := range c.System.HookDirs {
		assert.True(t, filepath.IsAbs(dir))
	}
	again, err := ParseLinkMatcher(strings.Fields(c.Network.Links.String())...)
	assert.NoError(t, err)
	assert.Equal(t, c.Network.Links, again)
	for _, w := range l.warnings {
		assert.Positive(t, w.Line, w.String())
		assert.NotContains(t, w.String(), "\n")
	}
}
