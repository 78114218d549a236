// Package networkd is the adapter to systemd-networkd: its D-Bus interface,
// org.freedesktop.network1(5), and its files under /run/systemd/netif. It never
// starts networkd: every call goes to a unique name, and carries the flag that
// forbids activation. What it reads is checked word by word; it decides nothing.
package networkd
