package udev

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Reader reads facts about devices.
type Reader struct {
	// Root is the directory that holds sys and run/udev: "/" but in tests.
	Root string
	// Driver tells the driver of a link where no file does; nil asks nothing.
	Driver func(link string) string
}

// New returns a reader of this host, in the network namespace of its threads.
func New() Reader { return Reader{Root: "/", Driver: ethtoolDriver} }

// Device returns what is known of the device behind the link with this index
// and name.
func (r Reader) Device(index int, link string) hostnet.DeviceFacts {
	var facts hostnet.DeviceFacts
	if hostnet.ValidLinkName(link) {
		if t, err := openTree(r.Root); err == nil {
			facts = t.device(index, link)
			t.close()
		}
	}
	if facts.Driver == "" && r.Driver != nil {
		facts.Driver = r.Driver(link)
	}
	return facts
}

// device combines both sources: for the driver what the kernel says now, for
// names udev's, which come from its hardware database.
func (t tree) device(index int, link string) hostnet.DeviceFacts {
	dir := path.Join("sys/class/net", link)
	// sysfs shows the links of the namespace it was mounted in, and udev's
	// database is about these. Where ours is another one, a link of the same
	// name or index is not the same link.
	if t.attribute(dir, "ifindex") != strconv.Itoa(index) {
		return hostnet.DeviceFacts{}
	}
	db := parseDatabase(t.read(path.Join("run/udev/data", "n"+strconv.Itoa(index))))
	hw := t.hardware(path.Join(dir, "device"))
	return hostnet.DeviceFacts{
		// SET_NETDEV_DEVTYPE() of linux/netdevice.h; not every kind of link has one.
		Type:         parseUevent(t.read(path.Join(dir, "uevent")))["DEVTYPE"],
		Driver:       cmp.Or(hw.driver, db["ID_NET_DRIVER"]),
		Vendor:       cmp.Or(db["ID_VENDOR_FROM_DATABASE"], hw.manufacturer, db["ID_VENDOR"]),
		Model:        cmp.Or(db["ID_MODEL_FROM_DATABASE"], hw.product, db["ID_MODEL"]),
		Manufacturer: cmp.Or(hw.manufacturer, db["ID_VENDOR"]),
		ProductID:    cmp.Or(hexID(db["ID_MODEL_ID"]), hexID(hw.productID)),
		Path:         cmp.Or(db["ID_PATH"], hw.path),
		LinkFile:     db["ID_NET_LINK_FILE"],
	}
}

// hardware is what sysfs tells of a device.
type hardware struct {
	driver       string
	manufacturer string
	product      string
	productID    string
	path         string
}

// maxAncestors bounds the way up from a link's device to its PCI or USB
// device: a virtio NIC's is one step up, a USB interface's too.
const maxAncestors = 3

// hardware looks at a link's device and at the nearest device above it that is
// a PCI or USB one: only these have identifiers.
func (t tree) hardware(device string) hardware {
	device, ok := t.resolve(device)
	if !ok {
		return hardware{}
	}
	own := parseUevent(t.read(path.Join(device, "uevent")))
	hw := hardware{driver: cmp.Or(own["DRIVER"], t.linkBase(device, "driver"))}
	for dir := device; strings.HasPrefix(dir, "sys/devices/"); dir = path.Dir(dir) {
		if depth := strings.Count(device, "/") - strings.Count(dir, "/"); depth > maxAncestors {
			break
		}
		if slot := parseUevent(t.read(path.Join(dir, "uevent")))["PCI_SLOT_NAME"]; slot != "" {
			hw.path = "pci-" + slot // as udev's path_id names it
			hw.productID = t.attribute(dir, "device")
			break
		}
		if id := t.attribute(dir, "idProduct"); id != "" {
			hw.productID = id
			hw.manufacturer = t.attribute(dir, "manufacturer")
			hw.product = t.attribute(dir, "product")
			break
		}
	}
	return hw
}

// hexID makes one notation of sysfs's "0x1000" and "8153".
func hexID(s string) string {
	s = strings.ToLower(strings.TrimPrefix(s, "0x"))
	if s == "" || len(s) > 8 || strings.Trim(s, "0123456789abcdef") != "" {
		return ""
	}
	return s
}
