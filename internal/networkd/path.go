package networkd

import (
	"strconv"
	"strings"
)

const (
	busName    = "org.freedesktop.network1"
	managerObj = "/org/freedesktop/network1"
	linkPrefix = managerObj + "/link/"

	managerInterface = busName + ".Manager"
	linkInterface    = busName + ".Link"
	// dhcpInterface is on a link's path since systemd 255. Its only property is
	// State: stopped, selecting, bound, renewing and so on.
	dhcpInterface = busName + ".DHCPv4Client"
)

// linkPath returns the object path of the link with the given ifindex. A path
// element that starts with a digit is escaped as "_" and the digit's two hex
// digits (sd_bus_path_encode(3)).
func linkPath(index int) string {
	s := strconv.Itoa(index)
	return linkPrefix + "_" + strconv.FormatInt(int64(s[0]), 16) + s[1:]
}

// linkIndex returns the ifindex that an object path names. It undoes any
// escape and then wants a plain decimal number.
func linkIndex(path string) (int, bool) {
	label, ok := strings.CutPrefix(path, linkPrefix)
	if !ok {
		return 0, false
	}
	digits, ok := unescapeLabel(label)
	if !ok {
		return 0, false
	}
	index, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || index <= 0 || strconv.FormatInt(index, 10) != digits {
		return 0, false
	}
	return int(index), true
}

func unescapeLabel(label string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(label); i++ {
		if label[i] != '_' {
			b.WriteByte(label[i])
			continue
		}
		if i+2 >= len(label) {
			return "", false
		}
		c, err := strconv.ParseUint(label[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), true
}
