package dispatcher

import (
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// matchLink reports whether a subdirectory called name holds scripts for link.
// The name itself comes first: "*", "[" and "\" are legal in a link's name.
func matchLink(name, link string) bool {
	if link == "" {
		return false
	}
	if name == link {
		return true
	}
	if isLeftover(name) || !isPrintable(name) {
		return false
	}
	// A pattern that is none, such as "wg[", matches no other link.
	glob, err := hostnet.ParseGlob(name)
	return err == nil && glob.Match(link)
}

// isLeftover reports whether name is one that editors and package managers
// leave beside a script, or a hidden one: nobody means those to run, and so
// nobody wants to read why they do not. The list is that of systemd's
// hidden_or_backup_file(), NetworkManager's dispatcher and run-parts, joined.
func isLeftover(name string) bool {
	if name == "" || name[0] == '.' || name == "lost+found" {
		return true
	}
	if strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") { // Emacs
		return true
	}
	for _, mark := range []string{".dpkg-", ".ucf-"} {
		if strings.Contains(name, mark) {
			return true
		}
	}
	for _, end := range []string{
		"~", ".bak", ".old", ".orig", ".rej", ".tmp", ",v", ".cfsaved", // editors, patch, RCS, CFEngine
		".swp", ".swo", ".swn", ".swx", // vim
		".rpmsave", ".rpmorig", ".rpmnew",
		".pacnew", ".pacsave", ".pacorig",
		".apk-new",
	} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// isPrintable reports whether a name can be shown and logged as it is.
func isPrintable(name string) bool { return hostnet.PrintableText(name, len(name)) }

// printable returns path as it is if it can be shown so, else with escapes.
func printable(path string) string {
	if isPrintable(path) {
		return path
	}
	quoted := strconv.QuoteToGraphic(path)
	return quoted[1 : len(quoted)-1]
}
