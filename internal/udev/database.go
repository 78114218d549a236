package udev

import (
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// maxTextBytes bounds what is taken from a line: names in the hardware
// database and in a device's own descriptors are shorter.
const maxTextBytes = 256

// parseDatabase reads an entry of udev's database, whose lines of properties
// are "E:KEY=VALUE" (device_update_db() in libsystemd/sd-device/device-private.c).
// A value that is not printable, as a USB device can give itself, is left out.
func parseDatabase(raw []byte) map[string]string { return parseLines(raw, "E:") }

// parseUevent reads a uevent file of sysfs, whose lines are "KEY=VALUE".
func parseUevent(raw []byte) map[string]string { return parseLines(raw, "") }

func parseLines(raw []byte, prefix string) map[string]string {
	properties := make(map[string]string)
	for line := range strings.SplitSeq(string(raw), "\n") {
		assignment, ok := strings.CutPrefix(line, prefix)
		if !ok {
			continue
		}
		key, value, ok := strings.Cut(assignment, "=")
		if ok && key != "" && hostnet.PrintableText(value, maxTextBytes) {
			properties[key] = value
		}
	}
	return properties
}
