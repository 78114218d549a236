package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// archiveKeyring signs every Debian suite; the package debian-archive-keyring.
const archiveKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// hostSources returns the archives that this machine itself installs from, as
// entries of sources.list(5) for suite. They are what is near and allowed here.
// It returns none on a machine that is not a Debian.
func hostSources(suite string) ([]string, error) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil, fmt.Errorf("reading which system this is: %w", err)
	}
	fields := keyValues(string(release))
	if fields["ID"] != "debian" || fields["VERSION_CODENAME"] == "" {
		return nil, nil
	}
	files, err := filepath.Glob("/etc/apt/sources.list.d/*")
	if err != nil {
		return nil, err
	}
	var entries []string
	for _, file := range append([]string{"/etc/apt/sources.list"}, files...) {
		text, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("reading apt sources: %w", err)
		}
		var found []aptSource
		switch filepath.Ext(file) {
		case ".list":
			found = parseOneLine(string(text))
		case ".sources":
			found = parseDeb822(string(text))
		}
		entries = append(entries, forSuite(found, fields["VERSION_CODENAME"], suite)...)
	}
	slices.Sort(entries)
	return slices.Compact(entries), nil
}

// aptSource is one archive of sources.list(5), as far as used here.
type aptSource struct {
	uri, suite string
	components []string
}

// forSuite turns the sources of the release codename into entries for suite:
// "bookworm-security" becomes "trixie-security". Other sources are left out.
func forSuite(sources []aptSource, codename, suite string) []string {
	var entries []string
	for _, s := range sources {
		pocket, found := strings.CutPrefix(s.suite, codename)
		if !found || !slices.Contains([]string{"", "-updates", "-security"}, pocket) ||
			!slices.Contains(s.components, "main") {
			continue
		}
		entries = append(entries, fmt.Sprintf("deb [signed-by=%s] %s %s main", archiveKeyring, s.uri, suite+pocket))
	}
	return entries
}

// parseOneLine reads the lines "deb [options] uri suite component..." of
// sources.list(5).
func parseOneLine(text string) []aptSource {
	var sources []aptSource
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			_, rest, _ = strings.Cut(rest, "]")
		}
		words := strings.Fields(rest)
		if kind != "deb" || len(words) < 3 {
			continue
		}
		sources = append(sources, aptSource{uri: words[0], suite: words[1], components: words[2:]})
	}
	return sources
}

// parseDeb822 reads the stanzas of a .sources file, sources.list(5).
func parseDeb822(text string) []aptSource {
	var sources []aptSource
	for stanza := range strings.SplitSeq(text, "\n\n") {
		fields := make(map[string][]string)
		for line := range strings.Lines(stanza) {
			key, value, found := strings.Cut(line, ":")
			if !found || strings.HasPrefix(line, "#") || strings.HasPrefix(line, " ") {
				continue
			}
			fields[strings.ToLower(key)] = strings.Fields(value)
		}
		if !slices.Contains(fields["types"], "deb") || slices.Contains(fields["enabled"], "no") {
			continue
		}
		for _, uri := range fields["uris"] {
			for _, suite := range fields["suites"] {
				sources = append(sources, aptSource{uri: uri, suite: suite, components: fields["components"]})
			}
		}
	}
	return sources
}

// keyValues reads lines KEY=value, with or without quotes, of os-release(5)
// and of systemd's state files.
func keyValues(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		key, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if found && !strings.HasPrefix(key, "#") {
			fields[key] = strings.Trim(value, `"'`)
		}
	}
	return fields
}

// hostAptOptions returns what apt is told on this machine about reaching
// archives: proxies, and leave to use a snapshot of the past.
func hostAptOptions(ctx context.Context) ([]string, error) {
	args := []string{"apt-config", "dump", "--no-empty", "--format", "%f \"%v\";%n", "Acquire"}
	cmd := command(ctx, nil, args...)
	out, err := run(ctx, cmd, startHere, args)
	if err != nil {
		return nil, err
	}
	var options []string
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(line, " ")
		if strings.HasSuffix(strings.ToLower(name), "::proxy") ||
			slices.Contains([]string{"Acquire::Check-Valid-Until", "Acquire::Check-Date"}, name) {
			options = append(options, strings.TrimSpace(line))
		}
	}
	return options, nil
}
