package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// offKey is a key that is commented out: prose has a blank after the "#".
var offKey = regexp.MustCompile(`(?m)^#([A-Z]\w* = .*)$`)

// reference is the file that is installed, in which every key is commented out.
func reference(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("netbrk.toml")
	require.NoError(t, err)
	return string(text)
}

func TestReference(t *testing.T) {
	root, reference := t.TempDir(), reference(t)
	load := func(text string) *Config {
		require.NoError(t, os.MkdirAll(root+"/etc/netbrk", 0o755))
		require.NoError(t, os.WriteFile(root+DefaultPath, []byte(text), 0o644))
		c, warnings, err := Load(Options{Root: root})
		require.NoError(t, err)
		assert.Empty(t, warnings)
		return c
	}
	t.Run("as shipped it sets nothing", func(t *testing.T) {
		c := load(reference)
		assert.Equal(t, values(Default(root)), values(c))
		assert.Empty(t, c.sources)
	})
	t.Run("it shows every key with its default", func(t *testing.T) {
		text := offKey.ReplaceAllString(reference, "$1")
		c := load(text)
		assert.Equal(t, values(Default(root)), values(c))
		for _, key := range Keys() {
			assert.NotEqual(t, "default", c.Source(key), key)
		}
		assert.Len(t, offKey.FindAllString(reference, -1), len(Keys()))
	})
	t.Run("each key stands in its section", func(t *testing.T) {
		for _, key := range Keys() {
			section, name, _ := strings.Cut(key, ".")
			_, below, found := strings.Cut(reference, "\n["+section+"]\n")
			require.True(t, found, section)
			below, _, _ = strings.Cut(below, "\n[")
			assert.Contains(t, below, "\n#"+name+" = ")
		}
	})
}

// Every field of the structs has its key, and the other way round.
func TestKeysAreFields(t *testing.T) {
	var fields []string
	for _, section := range sections() {
		f, ok := reflect.TypeFor[Config]().FieldByName(section)
		require.True(t, ok, section)
		for i := range f.Type.NumField() {
			name := f.Type.Field(i).Name
			if name == "Generators" {
				name = "Generator"
			}
			fields = append(fields, section+"."+name)
		}
	}
	assert.Equal(t, fields, Keys())
}

// The manual page explains every key, in the order of the file.
func TestManualPage(t *testing.T) {
	data, err := os.ReadFile("../../man/netbrk.toml.5")
	require.NoError(t, err)
	rest := string(data)
	for _, key := range Keys() {
		section, name, _ := strings.Cut(key, ".")
		if head := "\n.SH \"[" + strings.ToUpper(section) + "] SECTION\"\n"; strings.Contains(rest, head) {
			_, rest, _ = strings.Cut(rest, head)
		}
		_, below, found := strings.Cut(rest, "\n.BR "+name+" =")
		assert.True(t, found, "%s is missing, or not in its place", key)
		if found {
			rest = below
		}
	}
	for _, k := range olderKeys() {
		assert.Contains(t, string(data), k.name)
	}
	for _, name := range Providers() {
		assert.Contains(t, string(data), name)
	}
	for _, path := range []string{DefaultPath, DefaultPath + ".d/", brokerPath, cloudPath} {
		assert.Contains(t, string(data), path)
	}
}
