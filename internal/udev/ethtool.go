package udev

import (
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// ethtoolDriver asks the kernel for a link's driver, in the network namespace
// of the calling thread; empty where it does not tell. It is the only one that
// knows the driver of a virtual link: udev asks the same for ID_NET_DRIVER.
func ethtoolDriver(link string) string {
	if !hostnet.ValidLinkName(link) {
		return ""
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, link)
	if err != nil {
		return ""
	}
	driver := unix.ByteSliceToString(info.Driver[:])
	if !hostnet.PrintableText(driver, maxTextBytes) {
		return ""
	}
	return driver
}
