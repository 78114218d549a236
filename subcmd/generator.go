package subcmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/generator"
)

// generatorName is what systemd calls the binary as, by a link.
const generatorName = "netbrk-generator"

const generatorHelp = `NAME:
   netbrk-generator - tell systemd what netbrk.toml means for netbrk's units

USAGE:
   netbrk-generator NORMAL-DIR EARLY-DIR LATE-DIR

DESCRIPTION:
   systemd calls it at boot and at each daemon-reload. It writes drop-ins and
   links to NORMAL-DIR and nothing to the others. See netbrk(1) and
   systemd.generator(7).

EXAMPLES:
   systemctl daemon-reload                      have systemd call it
   d=$(mktemp -d); netbrk-generator $d $d $d    look at what it writes
`

// generate is the generator of the machine at root, called with args. Whatever its
// exit status is, systemd goes on; one that is not 0 it tells in the journal.
func (a *app) generate(root string, args []string) error {
	if slices.Contains(args[1:], "--help") || slices.Contains(args[1:], "-h") {
		_, err := fmt.Fprint(a.stdout, generatorHelp)
		return err
	}
	if len(args) != 4 {
		return usageError(withHint(fmt.Errorf("%s takes three directories", generatorName), "%s --help", generatorName))
	}
	// A warning here would be one at each reload; the verbs that read the same
	// files, and config check, tell.
	cfg, _, err := config.Load(config.Options{Path: os.Getenv("NETBRK_CONFIG"), Root: root})
	if err != nil {
		// Half a configuration is none: the units are as they were shipped.
		return usageError(withHint(fmt.Errorf("reading configuration: %w", err), "netbrk config check"))
	}
	entries, problems := generator.Entries(unitSettings(cfg, config.Default(root), root), unitDirectory(args[0]))
	return errors.Join(generator.Write(args[1], entries), problems)
}

// unitSettings returns what units have to be told: what differs from def they do
// not say themselves.
func unitSettings(cfg, def *config.Config, root string) generator.Settings {
	s := generator.Settings{
		Cloud:    cloud.Detect(root, cfg.Cloud.Provider).Provider != cloud.None,
		DHClient: slices.Contains(cfg.System.Generators, config.GeneratorDHClient),
	}
	if cfg.System.RefreshTimer != def.System.RefreshTimer {
		s.Refresh = cfg.System.RefreshTimer
	}
	if cfg.Network.Listen != def.Network.Listen {
		s.Listen = cfg.Network.Listen
	}
	places := dhclient.Places(cfg.System.LeaseFiles)
	if !slices.Equal(places, dhclient.Places(def.System.LeaseFiles)) {
		s.LeasePlaces = places
	}
	return s
}

// unitDirectory is where the units lie, beside the generator. systemd goes by the
// name of a link, the rest is for people.
func unitDirectory(generator string) string {
	if !filepath.IsAbs(generator) {
		return "/usr/lib/systemd/system"
	}
	return filepath.Join(filepath.Dir(generator), "..", "system")
}
