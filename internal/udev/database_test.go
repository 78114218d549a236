package udev

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestParseDatabase(t *testing.T) {
	tests := []struct {
		name string
		text string
		want map[string]string
	}{
		{"empty", "", map[string]string{}},
		{"other lines", "S:x\nL:10\nI:123\nG:systemd\nQ:systemd\nV:1\n", map[string]string{}},
		{"properties", "E:A=b\nE:C=d e\nE:F=\n", map[string]string{"A": "b", "C": "d e", "F": ""}},
		{"no final newline", "E:A=b", map[string]string{"A": "b"}},
		{"equals signs", "E:A=b=c", map[string]string{"A": "b=c"}},
		{"last counts", "E:A=b\nE:A=c", map[string]string{"A": "c"}},
		{"no assignment", "E:A\nE:=b\nE:", map[string]string{}},
		{"not printable", "E:A=b\x07\nE:C=\xff\nE:D=\x00", map[string]string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, parseDatabase([]byte(tt.text)))
		})
	}
	assert.Equal(t, map[string]string{"DRIVER": "ena"}, parseUevent([]byte("DRIVER=ena\nE\n")))
}

func FuzzParseDatabase(f *testing.F) {
	f.Add([]byte("I:1\nE:ID_NET_DRIVER=veth\nE:ID_PATH=pci-0000:00:05.0\nG:systemd\n"))
	f.Add([]byte("E:A=\xff\nE:B=\x1b[2J\nE:=\nE:C==\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		total := 0
		for key, value := range parseDatabase(raw) {
			assert.NotEmpty(t, key)
			assert.NotContains(t, key, "\n")
			assert.True(t, hostnet.PrintableText(value, maxTextBytes), "%q", value)
			total += len("E:") + len(key) + len("=") + len(value)
		}
		assert.LessOrEqual(t, total, len(raw))
	})
}
