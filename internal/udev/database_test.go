package udev

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
		properties := parseDatabase(raw)
		var again strings.Builder
		for key, value := range properties {
			assert.NotEmpty(t, key)
			assert.NotContains(t, key, "\n")
			assert.True(t, hostnet.PrintableText(value, maxTextBytes), "%q", value)
			total += len("E:") + len(key) + len("=") + len(value)
			again.WriteString("E:" + key + "=" + value + "\n")
		}
		assert.LessOrEqual(t, total, len(raw))
		assert.Equal(t, properties, parseDatabase([]byte(again.String())))
	})
}

// FuzzDevice puts any text into each file of sysfs and udev about a link's device: a
// USB adapter says of itself what it likes.
func FuzzDevice(f *testing.F) {
	f.Add([]byte("INTERFACE=eth0\nIFINDEX=7\nDEVTYPE=wlan\n"), []byte("I:1\nE:ID_NET_DRIVER=veth\nE:ID_VENDOR=x\n"), []byte("DRIVER=r8152\nPCI_SLOT_NAME=0000:00:05.0\n"), []byte("0x1000\n"))
	f.Add([]byte("DEVTYPE=\x1b[2J\n"), []byte("E:ID_MODEL_FROM_DATABASE=\x9b2J\nE:ID_MODEL_ID=0xZZ"), []byte("DRIVER=\nDRIVER=a/b\x07\n"), []byte("8153\n\x1b]0;x\x07"))
	f.Fuzz(func(t *testing.T, uevent, database, device, attribute []byte) {
		root := t.TempDir()
		const hardware = "sys/devices/usb1/1-1/1-1:1.0"
		for name, content := range map[string][]byte{
			"sys/class/net/eth0/ifindex": []byte("7\n"), "sys/class/net/eth0/uevent": uevent, "run/udev/data/n7": database,
			hardware + "/uevent": device, "sys/devices/usb1/1-1/idProduct": attribute, "sys/devices/usb1/1-1/manufacturer": attribute,
			"sys/devices/usb1/1-1/product": attribute, hardware + "/device": attribute,
		} {
			require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(root, name), content, 0o644))
		}
		require.NoError(t, os.Symlink("../../../devices/usb1/1-1/1-1:1.0", filepath.Join(root, "sys/class/net/eth0/device")))
		facts := Reader{Root: root}.Device(7, "eth0")
		for _, text := range []string{
			facts.Type, facts.Driver, facts.Vendor, facts.Model, facts.Manufacturer, facts.ProductID, facts.Path, facts.LinkFile,
		} {
			assert.True(t, hostnet.PrintableText(text, maxTextBytes+len("pci-")), "%q", text)
		}
		assert.Empty(t, strings.Trim(facts.ProductID, "0123456789abcdef"))
		assert.Zero(t, Reader{Root: root}.Device(8, "eth0"), "another link of this name")
	})
}
