package cloud

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// linkZone stands in a base for the link that the service is asked through.
const linkZone = "%LINK"

// resolveBases returns the URLs to try, in order: those of the endpoint with
// each link for linkZone, or the override alone.
func resolveBases(bases []string, override string, links []string) ([]string, error) {
	if override != "" {
		base, err := overridden(bases, override)
		return []string{base}, err
	}
	var resolved []string
	for _, base := range bases {
		if !strings.Contains(base, linkZone) {
			resolved = append(resolved, base)
			continue
		}
		for _, link := range links {
			// A zone's "%" is an escape in a URL, RFC 6874 section 2.
			resolved = append(resolved, strings.ReplaceAll(base, linkZone, "%25"+url.PathEscape(link)))
		}
	}
	for _, base := range resolved {
		if _, err := parseBase(base); err != nil {
			return nil, err
		}
	}
	if len(resolved) == 0 {
		return nil, errors.New("no link to ask the metadata service through")
	}
	return resolved, nil
}

// overridden gives a URL without a path that of the endpoint's first base.
func overridden(bases []string, override string) (string, error) {
	u, err := parseBase(override)
	if err != nil {
		return "", err
	}
	if u.Path == "" || u.Path == "/" {
		first, err := url.Parse(strings.ReplaceAll(bases[0], linkZone, "%25lo"))
		if err != nil {
			return "", fmt.Errorf("reading metadata endpoint %q: %w", bases[0], cause(err))
		}
		u.Path = first.Path
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u.String(), nil
}

func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading metadata endpoint %q: %w", base, cause(err))
	case u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.User != nil:
		return nil, fmt.Errorf("reading metadata endpoint %q: not of the form http://HOST[:PORT][/PATH]", base)
	}
	return u, nil
}
