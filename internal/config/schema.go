package config

import (
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"time"
)

// key is one key that a file can have.
type key struct {
	section, name string
	// set parses raw and stores it; nil for a key that has no effect.
	set func(c *Config, raw any) error
	// reset stores def's value.
	reset func(c, def *Config)
	// get returns the effective value; nil for a key of the older tools.
	get func(c *Config) any
	// older marks a key that only the older tools have.
	older bool
	// successor is the key that took the place of an older one, if any; in a
	// file that has both, the successor counts.
	successor string
	// note is a warning for everyone who uses the key.
	note string
}

func (k key) String() string { return k.section + "." + k.name }

// effective is the key whose value k sets.
func (k key) effective() string {
	if k.successor != "" {
		return k.successor
	}
	return k.String()
}

// field makes the key of the value that at points to.
func field[T any](section, name string, at func(*Config) *T, parse func(any) (T, error)) key {
	return key{
		section: section,
		name:    name,
		set: func(c *Config, raw any) error {
			v, err := parse(raw)
			if err == nil {
				*at(c) = v
			}
			return err
		},
		reset: func(c, def *Config) { *at(c) = *at(def) },
		get:   func(c *Config) any { return *at(c) },
	}
}

const (
	sectionSystem  = "System"
	sectionNetwork = "Network"
	sectionCloud   = "Cloud"
)

func sections() []string { return []string{sectionSystem, sectionNetwork, sectionCloud} }

// schema lists every key, those of the older tools last.
func schema() []key {
	return slices.Concat(systemKeys(), networkKeys(), cloudKeys(), olderKeys())
}

func systemKeys() []key {
	const s = sectionSystem
	return []key{
		field(s, "LogLevel", func(c *Config) *slog.Level { return &c.System.LogLevel }, parseLevel),
		field(s, "LogFormat", func(c *Config) *string { return &c.System.LogFormat }, parseWord("text", "json")),
		field(s, "Generator", func(c *Config) *[]string { return &c.System.Generators }, parseGenerators),
		field(s, "RefreshTimer", func(c *Config) *time.Duration { return &c.System.RefreshTimer }, parseDuration(time.Second)),
		field(s, "HookTimeout", func(c *Config) *time.Duration { return &c.System.HookTimeout }, parseDuration(time.Millisecond)),
		field(s, "HookWorkers", func(c *Config) *int { return &c.System.HookWorkers }, parseInt(1, 256)),
		field(s, "HookDirs", func(c *Config) *[]string { return &c.System.HookDirs }, parseDirs),
		field(s, "LeaseFiles", func(c *Config) *[]string { return &c.System.LeaseFiles }, parsePatterns),
		field(s, "NetworkdDispatcher", func(c *Config) *bool { return &c.System.NetworkdDispatcher }, parseBool),
	}
}

// maxRulePriority leaves room for the four priorities below 32766, where the
// kernel's own rule for the main table stands (ip-rule(8)).
const maxRulePriority = 32766 - 1 - 3

func networkKeys() []key {
	const s = sectionNetwork
	return []key{
		field(s, "Links", func(c *Config) *LinkMatcher { return &c.Network.Links }, parseLinks),
		field(s, "RoutingPolicyRules", func(c *Config) *LinkMatcher { return &c.Network.RoutingPolicyRules }, parseLinks),
		field(s, "Supplementary", func(c *Config) *LinkMatcher { return &c.Network.Supplementary }, parseLinks),
		field(s, "RouteTableBase", func(c *Config) *int { return &c.Network.RouteTableBase }, parseInt(1, math.MaxInt32)),
		field(s, "RulePriority", func(c *Config) *int { return &c.Network.RulePriority }, parseInt(1, maxRulePriority)),
		field(s, "EmitJSON", func(c *Config) *bool { return &c.Network.EmitJSON }, parseBool),
		field(s, "UseDNS", func(c *Config) *bool { return &c.Network.UseDNS }, parseBool),
		field(s, "UseDomain", func(c *Config) *bool { return &c.Network.UseDomain }, parseBool),
		field(s, "UseHostname", func(c *Config) *bool { return &c.Network.UseHostname }, parseBool),
		field(s, "Listen", func(c *Config) *netip.AddrPort { return &c.Network.Listen }, parseListen),
	}
}

func cloudKeys() []key {
	const s = sectionCloud
	providers := append([]string{ProviderAuto, ProviderNone}, Providers()...)
	return []key{
		field(s, "Provider", func(c *Config) *string { return &c.Cloud.Provider }, parseWord(providers...)),
		field(s, "ExposeCredentials", func(c *Config) *bool { return &c.Cloud.ExposeCredentials }, parseBool),
	}
}

// olderKeys are those that the two older tools had at some time and later
// renamed, moved or never used.
func olderKeys() []key {
	const s = sectionNetwork
	// network-broker of 2021 shipped a file with Generator in this section.
	generator := field(s, "Generator", func(c *Config) *[]string { return &c.System.Generators }, parseGenerators)
	generator.older, generator.successor = true, "System.Generator"
	generator.note = "belongs in the section System"
	return []key{
		generator,
		// cloud-network before 0.2 had the two halves of Listen.
		{
			section: s, name: "Address", older: true, successor: "Network.Listen",
			set: func(c *Config, raw any) error {
				addr, err := parseAddr(raw)
				if err == nil {
					c.Network.Listen = netip.AddrPortFrom(addr, c.Network.Listen.Port())
				}
				return err
			},
			reset: func(c, def *Config) {
				c.Network.Listen = netip.AddrPortFrom(def.Network.Listen.Addr(), c.Network.Listen.Port())
			},
		},
		{
			section: s, name: "Port", older: true, successor: "Network.Listen",
			set: func(c *Config, raw any) error {
				port, err := parseInt(1, math.MaxUint16)(raw)
				if err == nil {
					c.Network.Listen = netip.AddrPortFrom(c.Network.Listen.Addr(), uint16(port))
				}
				return err
			},
			reset: func(c, def *Config) {
				c.Network.Listen = netip.AddrPortFrom(c.Network.Listen.Addr(), def.Network.Listen.Port())
			},
		},
		// cloud-network reads this one and never looks at it.
		{
			section: s, name: "PrimaryAddress", older: true,
			note: "has no effect: who configures the link keeps its primary address",
		},
	}
}
