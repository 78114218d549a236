package udev_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/udev"
)

// files is a tree: a value that starts with "-> " is where a symbolic link
// leads to. It is made anew for each test, because names of sysfs have colons,
// which no Go module may have in its files.
type files map[string]string

func (f files) with(more files) files {
	all := files{}
	for _, tree := range []files{f, more} {
		for name, content := range tree {
			all[name] = content
		}
	}
	return all
}

func (f files) write(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range f {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			require.NoError(t, os.Symlink(target, path))
		} else {
			require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		}
	}
	return root
}

const pci = "sys/devices/pci0000:00/"

// ena is an EC2 NIC: the link's device is the PCI device itself.
func ena() files {
	const device = pci + "0000:00:05.0/"
	return files{
		"sys/class/net/ens5":           "-> ../../devices/pci0000:00/0000:00:05.0/net/ens5",
		device + "net/ens5/ifindex":    "2\n",
		device + "net/ens5/device":     "-> ../../../0000:00:05.0",
		device + "uevent":              "DRIVER=ena\nPCI_CLASS=20000\nPCI_ID=1D0F:EC20\nPCI_SLOT_NAME=0000:00:05.0\n",
		device + "vendor":              "0x1d0f\n",
		device + "device":              "0xec20\n",
		device + "driver":              "-> ../../../bus/pci/drivers/ena",
		"sys/bus/pci/drivers/ena/bind": "",
		pci + "uevent":                 "",
	}
}

// virtio is a NIC of KVM: its PCI device is one step up.
func virtio() files {
	const device = pci + "0000:00:03.0/"
	return files{
		"sys/class/net/eth0":                "-> ../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0",
		device + "virtio2/net/eth0/ifindex": "4\n",
		device + "virtio2/net/eth0/device":  "-> ../../../virtio2",
		device + "virtio2/uevent":           "MODALIAS=virtio:d00000001v00001AF4\n",
		device + "virtio2/device":           "0x0001\n",
		device + "virtio2/driver":           "-> ../../../../bus/virtio/drivers/virtio_net",
		device + "uevent":                   "DRIVER=virtio-pci\nPCI_ID=1AF4:1041\nPCI_SLOT_NAME=0000:00:03.0\n",
		device + "device":                   "0x1041\n",
	}
}

// usb is a USB NIC: the link's device is an interface of the USB device.
func usb() files {
	const device = pci + "0000:00:14.0/usb2/2-1/"
	return files{
		"sys/class/net/enx1":                 "-> ../../devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/net/enx1",
		device + "2-1:1.0/net/enx1/ifindex":  "7\n",
		device + "2-1:1.0/net/enx1/device":   "-> ../../../2-1:1.0",
		device + "2-1:1.0/uevent":            "DEVTYPE=usb_interface\nDRIVER=r8152\n",
		device + "uevent":                    "DEVTYPE=usb_device\nDRIVER=usb\n",
		device + "idVendor":                  "0bda\n",
		device + "idProduct":                 "8153\n",
		device + "manufacturer":              "Realtek\n",
		device + "product":                   "USB 10/100/1000 LAN\n",
		pci + "0000:00:14.0/uevent":          "DRIVER=xhci_hcd\nPCI_SLOT_NAME=0000:00:14.0\n",
		pci + "0000:00:14.0/usb2/idProduct":  "0003\n",
		pci + "0000:00:14.0/usb2/2-1/serial": "1\n",
	}
}

// veth is virtual: it has no device.
func veth() files {
	return files{
		"sys/class/net/veth0":                   "-> ../../devices/virtual/net/veth0",
		"sys/devices/virtual/net/veth0/ifindex": "9\n",
		"sys/devices/virtual/net/veth0/uevent":  "INTERFACE=veth0\nIFINDEX=9\n",
	}
}

func TestDevice(t *testing.T) {
	tests := []struct {
		name  string
		tree  files
		index int
		link  string
		want  hostnet.DeviceFacts
	}{
		{
			"PCI", ena().with(files{"run/udev/data/n2": "I:1795403\nE:ID_NET_DRIVER=ena\nE:ID_PATH=pci-0000:00:05.0\n" +
				"E:ID_VENDOR_FROM_DATABASE=Amazon.com, Inc.\nE:ID_MODEL_FROM_DATABASE=Elastic Network Adapter (ENA)\n" +
				"E:ID_VENDOR_ID=0x1d0f\nE:ID_MODEL_ID=0xEC20\n" +
				"E:ID_NET_LINK_FILE=/usr/lib/systemd/network/99-default.link\nG:systemd\n"}), 2, "ens5",
			hostnet.DeviceFacts{
				Driver: "ena", Vendor: "Amazon.com, Inc.", Model: "Elastic Network Adapter (ENA)", ProductID: "ec20",
				Path: "pci-0000:00:05.0", LinkFile: "/usr/lib/systemd/network/99-default.link",
			},
		},
		{
			"PCI without udev", ena(), 2, "ens5",
			hostnet.DeviceFacts{Driver: "ena", ProductID: "ec20", Path: "pci-0000:00:05.0"},
		},
		{
			"virtio without udev", virtio(), 4, "eth0",
			hostnet.DeviceFacts{Driver: "virtio_net", ProductID: "1041", Path: "pci-0000:00:03.0"},
		},
		{
			"USB", usb().with(files{"run/udev/data/n7": "E:ID_BUS=usb\nE:ID_VENDOR=Realtek\nE:ID_MODEL=USB_10_100_1000_LAN\n" +
				"E:ID_MODEL_ID=8153\nE:ID_VENDOR_FROM_DATABASE=Realtek Semiconductor Corp.\n" +
				"E:ID_MODEL_FROM_DATABASE=RTL8153 Gigabit Ethernet Adapter\nE:ID_PATH=pci-0000:00:14.0-usb-0:1:1.0\n"}),
			7, "enx1",
			hostnet.DeviceFacts{
				Driver: "r8152", Vendor: "Realtek Semiconductor Corp.", Model: "RTL8153 Gigabit Ethernet Adapter",
				Manufacturer: "Realtek", ProductID: "8153", Path: "pci-0000:00:14.0-usb-0:1:1.0",
			},
		},
		{
			"USB without udev", usb(), 7, "enx1",
			hostnet.DeviceFacts{
				Driver: "r8152", Vendor: "Realtek", Model: "USB 10/100/1000 LAN", Manufacturer: "Realtek", ProductID: "8153",
			},
		},
		{
			"virtual with udev",
			veth().with(files{"run/udev/data/n9": "E:ID_NET_DRIVER=veth\nE:ID_NET_LINK_FILE=/etc/systemd/network/10-v.link\n"}),
			9, "veth0", hostnet.DeviceFacts{Driver: "veth", LinkFile: "/etc/systemd/network/10-v.link"},
		},
		{
			"bridge", veth().with(files{"sys/devices/virtual/net/veth0/uevent": "DEVTYPE=bridge\nINTERFACE=veth0\nIFINDEX=9\n"}),
			9, "veth0", hostnet.DeviceFacts{Type: "bridge", Driver: "asked"},
		},
		{"virtual without udev", veth(), 9, "veth0", hostnet.DeviceFacts{Driver: "asked"}},
		{
			"another namespace's link of this name", ena().with(files{"run/udev/data/n3": "E:ID_NET_DRIVER=wrong\n"}),
			3, "ens5", hostnet.DeviceFacts{Driver: "asked"},
		},
		{"no sysfs", files{"run/udev/data/n2": "E:ID_NET_DRIVER=wrong\n"}, 2, "ens5", hostnet.DeviceFacts{Driver: "asked"}},
		{
			"hostile USB descriptors", usb().with(files{
				pci + "0000:00:14.0/usb2/2-1/manufacturer": "\x1b]0;owned\x07",
				pci + "0000:00:14.0/usb2/2-1/product":      strings.Repeat("A", 300),
				pci + "0000:00:14.0/usb2/2-1/idProduct":    "81$(x)",
				"run/udev/data/n7":                         "E:ID_MODEL=a\xffb\nE:ID_MODEL_ID=../../x\nE:ID_VENDOR=\u202etxet\n",
			}), 7, "enx1", hostnet.DeviceFacts{Driver: "r8152"},
		},
		{
			"database too large",
			veth().with(files{"run/udev/data/n9": "E:ID_PATH=x\n" + strings.Repeat("E:A=b\n", 20_000)}),
			9, "veth0", hostnet.DeviceFacts{Driver: "asked"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := udev.Reader{Root: tt.tree.write(t), Driver: func(link string) string {
				assert.Equal(t, tt.link, link)
				return "asked"
			}}
			assert.Equal(t, tt.want, r.Device(tt.index, tt.link))
		})
	}
}

func TestDeviceLeavesItsRootByNoLink(t *testing.T) {
	outside := files{"ifindex": "2\n", "n2": "E:ID_PATH=outside\n", "device/uevent": "DRIVER=outside\n"}.write(t)
	inside := ena()
	up := strings.Repeat("../", 30)

	tests := []struct {
		name   string
		change files
		want   hostnet.DeviceFacts
	}{
		{"link, absolute", files{"sys/class/net/ens5": "-> " + outside}, hostnet.DeviceFacts{}},
		{"link, relative", files{"sys/class/net/ens5": "-> " + up + outside[1:]}, hostnet.DeviceFacts{}},
		{
			"device, absolute", files{pci + "0000:00:05.0/net/ens5/device": "-> " + outside + "/device"}, hostnet.DeviceFacts{},
		},
		{
			"device, relative", files{pci + "0000:00:05.0/net/ens5/device": "-> " + up + outside[1:] + "/device"},
			hostnet.DeviceFacts{},
		},
		{"device, a loop", files{pci + "0000:00:05.0/net/ens5/device": "-> device"}, hostnet.DeviceFacts{}},
		{
			"database", files{"run/udev/data/n2": "-> " + outside + "/n2"},
			hostnet.DeviceFacts{Driver: "ena", ProductID: "ec20", Path: "pci-0000:00:05.0"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := inside.with(tt.change).write(t)
			assert.Equal(t, tt.want, udev.Reader{Root: root}.Device(2, "ens5"))
		})
	}
}

func TestDeviceDoesNotWaitForAPipe(t *testing.T) {
	root := veth().write(t)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "run/udev/data"), 0o755))
	require.NoError(t, unix.Mkfifo(filepath.Join(root, "run/udev/data/n9"), 0o644))
	assert.Empty(t, udev.Reader{Root: root}.Device(9, "veth0"))
}

func TestDeviceRefusesNames(t *testing.T) {
	root := files{"sys/class/ifindex": "2\n", "sys/class/net/x/ifindex": "2\n"}.write(t)
	for _, link := range []string{"", "..", ".", "../net/x", "x/../../x", strings.Repeat("x", 16)} {
		assert.Empty(t, udev.Reader{Root: root}.Device(2, link), "%q", link)
	}
	assert.Empty(t, udev.Reader{Root: filepath.Join(root, "absent")}.Device(2, "x"))
}
