package subcmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/report"
)

func (a *app) configCommand() *cli.Command {
	return &cli.Command{
		Name:        "config",
		Usage:       "check the configuration, or show the one that counts",
		Description: "See netbrk.toml(5).",
		CustomHelpTemplate: helpTemplate(cli.SubcommandHelpTemplate, []string{
			"netbrk config check                 the files that are in force",
			"netbrk config check ./netbrk.toml   one that is to be installed",
			"netbrk config show                  each key, its value and where it was set",
		}),
		Subcommands: []*cli.Command{
			{
				Name: "check", Usage: "tell what is wrong with the configuration, by file, line and column",
				ArgsUsage: "[FILE]", Action: a.checkConfig,
				CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{"netbrk config check", "netbrk config check ./netbrk.toml"}),
			},
			{
				Name: "show", Usage: "print each key with its value and where it was set",
				Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print it as JSON"}}, Action: a.showConfig,
				CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{"netbrk config show", "netbrk config show --json"}),
			},
		},
		Action: func(c *cli.Context) error {
			what := "config takes check or show"
			if c.Args().Present() {
				what = fmt.Sprintf("config: there is no verb %q", c.Args().First())
			}
			return usageError(withHint(errors.New(what), "netbrk config check"))
		},
	}
}

// checkConfig tells all that is wrong, where Load tells the first.
func (a *app) checkConfig(c *cli.Context) error {
	path := globals(c).config
	switch c.NArg() {
	case 0:
	case 1:
		path = c.Args().First()
	default:
		return usageError(withHint(errors.New("config check takes one file"), "netbrk config check ./netbrk.toml"))
	}
	cfg, warnings, err := config.Load(config.Options{Path: path})
	count := 0
	tell := func(err error) {
		var all config.Errors
		switch {
		case errors.As(err, &all):
			for _, e := range all {
				fmt.Fprintln(a.stderr, e)
			}
			count += len(all)
		case err != nil:
			fmt.Fprintln(a.stderr, err)
			count++
		}
	}
	tell(err)
	tell(config.Strict(warnings))
	for _, w := range warnings {
		if !w.Unknown {
			fmt.Fprintf(a.stderr, "%s (a warning)\n", w)
		}
	}
	if count > 0 {
		return usageError(withHint(fmt.Errorf("the configuration has %s", plural(count, "mistake")), "man netbrk.toml lists the keys"))
	}
	if len(cfg.Files) == 0 {
		fmt.Fprintf(a.stdout, "no configuration file, all defaults\n")
	}
	for _, file := range cfg.Files {
		fmt.Fprintf(a.stdout, "%s: ok\n", file)
	}
	return nil
}

// showConfig prints what counts. As text it is a configuration itself.
func (a *app) showConfig(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	cfg, _, err := a.load(globals(c))
	if err != nil {
		return err
	}
	if c.Bool("json") {
		e := json.NewEncoder(a.stdout)
		e.SetIndent("", "  ")
		return e.Encode(configDocument(cfg))
	}
	// LeaseFiles is longer than any terminal is wide: its source does not move the others'.
	const widest = 60
	column := 0
	set := func(e config.Effective) string { return e.Key + " = " + e.TOML() }
	for _, e := range cfg.Effective() {
		if n := utf8.RuneCountInString(set(e)); n <= widest {
			column = max(column, n)
		}
	}
	section := ""
	for _, e := range cfg.Effective() {
		if e.Section != section {
			if section != "" {
				fmt.Fprintln(a.stdout)
			}
			section = e.Section
			fmt.Fprintf(a.stdout, "[%s]\n", section)
		}
		fmt.Fprintf(a.stdout, "%-*s # %s\n", column, set(e), e.Source)
	}
	return nil
}

func configDocument(cfg *config.Config) report.ConfigDocument {
	doc := report.ConfigDocument{SchemaVersion: report.ConfigSchema, Files: append([]string{}, cfg.Files...)}
	for _, e := range cfg.Effective() {
		doc.Settings = append(doc.Settings, report.ConfigSetting{Section: e.Section, Key: e.Key, Value: e.Value, Source: e.Source})
	}
	return doc
}
