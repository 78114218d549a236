package config

import (
	"fmt"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// loader applies files, one after the other, to a configuration that starts
// out as the default one.
type loader struct {
	cfg, def *Config
	keys     []key
	warnings []Warning
	errs     Errors
}

func newLoader(root string) *loader {
	l := &loader{cfg: Default(root), def: Default(root), keys: schema()}
	l.cfg.sources = make(map[string]Position)
	return l
}

func (l *loader) warn(w Warning)      { l.warnings = append(l.warnings, w) }
func (l *loader) fail(errs ...*Error) { l.errs = append(l.errs, errs...) }

func (l *loader) finish() (*Config, []Warning, error) {
	if l.errs != nil {
		return nil, l.warnings, l.errs
	}
	l.lint()
	return l.cfg, l.warnings, nil
}

// apply stores what doc sets.
func (l *loader) apply(doc *document) {
	l.checkSections(doc)
	set := make(map[string]setting)
	for _, s := range doc.settings {
		if k := l.find(s); k != nil {
			set[k.String()] = s
		}
	}
	seen := make(map[string]setting)
	for _, s := range doc.settings {
		k := l.find(s)
		if k == nil {
			l.unknown(s)
			continue
		}
		// TOML itself refuses the same key twice, but for it UseDNS and UseDns
		// are two.
		if first, twice := seen[k.String()]; twice {
			l.fail(&Error{Position: s.key, Key: s.String(), Text: fmt.Sprintf("is the same key as %s in line %d", first, first.key.Line)})
			continue
		}
		seen[k.String()] = s
		if by, replaced := set[k.successor]; replaced {
			l.warn(Warning{Position: s.key, Key: k.String(), Text: fmt.Sprintf("has no effect: %s in line %d counts", by, by.key.Line)})
			continue
		}
		l.store(*k, s)
	}
}

func (l *loader) store(k key, s setting) {
	if k.note != "" {
		l.warn(Warning{Position: s.key, Key: k.String(), Text: k.note})
	}
	if k.set == nil {
		return
	}
	if isEmpty(s.raw) {
		k.reset(l.cfg, l.def)
	} else if err := k.set(l.cfg, s.raw); err != nil {
		l.fail(&Error{Position: s.value, Key: k.String(), Text: err.Error()})
		return
	}
	l.cfg.sources[k.effective()] = s.key
}

// find returns the key that s sets, nil if there is none.
func (l *loader) find(s setting) *key {
	for i, k := range l.keys {
		if strings.EqualFold(k.section, s.section) && strings.EqualFold(k.name, s.name) {
			return &l.keys[i]
		}
	}
	return nil
}

// checkSections tells of tables that are not sections, and of sections that
// are there twice, in different case.
func (l *loader) checkSections(doc *document) {
	seen := make(map[string]setting)
	for _, s := range doc.sections {
		name := canonicalSection(s.section)
		if name == "" {
			l.warn(Warning{
				Position: s.key, Key: s.section, Unknown: true,
				Text: "unknown section" + didYouMean(nearest(s.section, sections())),
			})
			continue
		}
		if first, twice := seen[name]; twice {
			l.fail(&Error{Position: s.key, Key: s.section, Text: fmt.Sprintf("is the same section as %s in line %d", first, first.key.Line)})
		}
		seen[name] = s
	}
}

// unknown tells of a key that netbrk does not know. Those of an unknown
// section are not told one by one.
func (l *loader) unknown(s setting) {
	if s.section == "" && canonicalSection(s.name) != "" {
		l.fail(&Error{Position: s.key, Key: s.name, Text: fmt.Sprintf("is a section, not a key: write [%s] above its keys", canonicalSection(s.name))})
		return
	}
	section := canonicalSection(s.section)
	if s.section != "" && section == "" {
		return
	}
	text := "unknown key"
	if s.section == "" {
		text = "key outside of every section"
	}
	l.warn(Warning{Position: s.key, Key: s.String(), Unknown: true, Text: text + didYouMean(l.nearestKey(section, s.name))})
}

// nearestKey looks for the key that was meant: a similar one of the section,
// else the same one of another section, which is most likely one line too low.
func (l *loader) nearestKey(section, name string) string {
	var names []string
	for _, k := range l.keys {
		if k.section == section && !k.older {
			names = append(names, k.name)
		}
	}
	if near := nearest(name, names); near != "" {
		return near
	}
	for _, k := range l.keys {
		if strings.EqualFold(k.name, name) && !k.older {
			return k.String()
		}
	}
	return ""
}

func canonicalSection(name string) string {
	for _, s := range sections() {
		if strings.EqualFold(s, name) {
			return s
		}
	}
	return ""
}

// lint warns of values that are valid and most likely not what was meant.
func (l *loader) lint() {
	n := l.cfg.Network
	l.lintLinks("Network.Links", n.Links)
	l.lintLinks("Network.RoutingPolicyRules", n.RoutingPolicyRules)
	l.lintLinks("Network.Supplementary", n.Supplementary)
	// Tables 253 to 255 are default, main and local, see rt_tables of iproute2.
	if n.RouteTableBase < 255 {
		l.warnValue("Network.RouteTableBase", fmt.Sprintf("%d makes one of the kernel's own tables, 253 to 255, that of some link", n.RouteTableBase))
	}
}

func (l *loader) lintLinks(key string, m LinkMatcher) {
	for _, p := range m.patterns {
		text := p.glob.String()
		switch {
		case strings.Contains(text, ","):
			l.warnValue(key, fmt.Sprintf("%q is one name: links are separated by blanks", text))
		case !strings.ContainsAny(text, `*?[\`) && !hostnet.ValidLinkName(text):
			l.warnValue(key, fmt.Sprintf("%q cannot be the name of a link", text))
		}
	}
}

// warnValue warns of the effective value of key, where it was set.
func (l *loader) warnValue(key, text string) {
	l.warn(Warning{Position: l.cfg.sources[key], Key: key, Text: text})
}
