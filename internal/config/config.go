package config

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// levelTrace is a word of the older tools; netbrk has nothing to say below debug.
const levelTrace = slog.LevelDebug - 4

// The values of System.Generator: who tells of a link's states.
const (
	GeneratorNetworkd = "systemd-networkd" // networkd's signals on the bus
	GeneratorDHClient = "dhclient"         // the lease file of ISC dhclient
	GeneratorKernel   = "kernel"           // states derived from rtnetlink alone
)

// The values of Cloud.Provider that name no cloud.
const (
	ProviderAuto = "auto"
	ProviderNone = "none"
)

// Config is the effective configuration. It is not changed once it is loaded.
type Config struct {
	System  System
	Network Network
	Cloud   Cloud

	// Files are those that were read, in order; none where all is default.
	Files []string

	sources map[string]Position
}

// System is the section of what concerns netbrk itself and its hooks.
type System struct {
	// LogLevel is the least level that is logged; fatal and panic, of which
	// netbrk has none, mean error.
	LogLevel slog.Level
	// LogFormat is "text" or "json".
	LogFormat string
	// Generators are some of the Generator constants, each once.
	Generators []string
	// RefreshTimer is how often the cloud's metadata is fetched.
	RefreshTimer time.Duration
	// HookTimeout is how long one script may run.
	HookTimeout time.Duration
	// HookWorkers is the number of links served side by side.
	HookWorkers int
	// HookDirs are the roots that hold STATE.d directories, absolute and clean.
	HookDirs []string
	// LeaseFiles are the patterns, of filepath.Match, that the lease files of ISC
	// dhclient match; absolute and clean.
	LeaseFiles []string
	// NetworkdDispatcher says to run networkd-dispatcher's directories too.
	NetworkdDispatcher bool
}

// Network is the section of links, policy routing and the API.
type Network struct {
	// Links are those whose events count.
	Links LinkMatcher
	// RoutingPolicyRules are the links that get a table and rules of their own.
	RoutingPolicyRules LinkMatcher
	// Supplementary are the cloud links that get a default route, and rules for
	// the primary address too.
	Supplementary LinkMatcher
	// RouteTableBase plus a link's ifindex is the number of its table. It is at
	// most 1<<31-1, and so is an ifindex: the sum fits the kernel's 32 bits.
	RouteTableBase int
	// RulePriority is the first of the four priorities at which rules stand.
	RulePriority int
	// EmitJSON says to hand JSON to hooks.
	EmitJSON bool
	// UseDNS, UseDomain and UseHostname say which values of a dhclient lease go
	// to systemd-resolved and systemd-hostnamed.
	UseDNS, UseDomain, UseHostname bool
	// Listen is the address and port of the API.
	Listen netip.AddrPort
}

// Cloud is the section of the cloud's metadata.
type Cloud struct {
	// Provider is ProviderAuto, ProviderNone or one of Providers.
	Provider string
	// ExposeCredentials lets the API hand out the credentials of an EC2 role.
	ExposeCredentials bool
}

// Providers lists the clouds that Cloud.Provider can name: those of
// internal/cloud/providers, which a reader of files must not link.
func Providers() []string {
	return []string{"aws", "azure", "gcp", "alibaba", "oracle", "digitalocean", "hetzner", "openstack"}
}

// Default returns the configuration of a host without any file. The hook
// directory of network-broker is one of the roots where it exists below root.
func Default(root string) *Config {
	hookDirs := []string{"/etc/netbrk", "/run/netbrk.d", "/usr/lib/netbrk"}
	if fi, err := os.Stat(filepath.Join(root, brokerDir)); err == nil && fi.IsDir() {
		hookDirs = append(hookDirs, brokerDir)
	}
	allButLoopback, _ := ParseLinkMatcher("!lo") // a valid pattern
	return &Config{
		System: System{
			LogLevel:     slog.LevelInfo,
			LogFormat:    "text",
			Generators:   []string{GeneratorNetworkd},
			RefreshTimer: 5 * time.Minute,
			HookTimeout:  90 * time.Second,
			HookWorkers:  4,
			HookDirs:     hookDirs,
			LeaseFiles:   leaseFiles(),
		},
		Network: Network{
			Links:          allButLoopback,
			RouteTableBase: 9999,
			RulePriority:   30000,
			EmitJSON:       true,
			Listen:         netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 5209),
		},
		Cloud: Cloud{Provider: ProviderAuto},
	}
}

// leaseFiles are the places of lease files: of Debian and of who builds dhclient as
// it comes, and there of Google's guest agent; of Red Hat, Amazon and Photon; of
// NetworkManager, whose own client has files of other names and another grammar; of
// older builds.
func leaseFiles() []string {
	return []string{
		"/var/lib/dhcp/*.lease", "/var/lib/dhcp/*.leases",
		"/var/lib/dhclient/*.lease", "/var/lib/dhclient/*.leases",
		"/var/lib/NetworkManager/dhclient*.lease",
		"/var/db/dhclient*.leases", "/var/state/dhcp/*.leases", "/var/lib/dhclient.leases", "/var/lib/dhclient6.leases",
	}
}

// Keys lists every key as "Section.Key", in the order of the manual page.
func Keys() []string {
	var names []string
	for _, k := range schema() {
		if !k.older {
			names = append(names, k.String())
		}
	}
	return names
}

// Source tells where the effective value of key, a "Section.Key" in any case,
// was set: "/etc/netbrk/netbrk.toml:12", or "default". It is empty for a key
// that does not exist.
func (c *Config) Source(key string) string {
	for _, name := range Keys() {
		if !strings.EqualFold(name, key) {
			continue
		}
		if p, ok := c.sources[name]; ok {
			return Position{File: p.File, Line: p.Line}.String()
		}
		return "default"
	}
	return ""
}
