package subcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/display"
	"github.com/netbrk/netbrk/internal/metrics"
	"github.com/netbrk/netbrk/internal/report"
)

// The parts of status that are the older tool's displays.
const (
	statusSystem  = "system"
	statusNetwork = "network"
)

func (a *app) statusCommand() *cli.Command {
	flags := func() []cli.Flag {
		return []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print it as JSON"},
			&cli.BoolFlag{Name: "watch", Usage: "print it again whenever it changes"},
		}
	}
	part := func(name, usage string) *cli.Command {
		return &cli.Command{
			Name: name, Usage: usage, Flags: flags(), Action: a.status,
			CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{"netbrk status " + name, "netbrk status " + name + " --json"}),
		}
	}
	return &cli.Command{
		Name:  "status",
		Usage: "show what is, what is wrong, and what to type",
		Description: "Anybody may ask, and netbrk need not run. What the caller may not see is told.\n" +
			"The exit status is 3 where something is wrong.",
		Flags: append(flags(),
			&cli.BoolFlag{Name: "prometheus", Usage: "print metrics, for a textfile collector"},
			&cli.StringFlag{Name: "explain", Usage: "tell why traffic from `ADDRESS` goes where it goes"},
			&cli.StringFlag{Name: "to", Usage: "with --explain: traffic to `ADDRESS` instead of the internet"},
			&cli.BoolFlag{Name: "dot", Usage: "print links, addresses, rules and tables as a picture for Graphviz"},
		),
		CustomHelpTemplate: helpTemplate(cli.SubcommandHelpTemplate, []string{
			"netbrk status                  one screen about all",
			"netbrk status hooks            how scripts went, and which do not run",
			"netbrk status --watch          again whenever something changes",
			"netbrk status --json           for programs",
			"netbrk status --prometheus     for a textfile collector",
			"netbrk status --explain 192.0.2.20",
			"netbrk status --dot | dot -Tsvg >routing.svg",
		}),
		Subcommands: []*cli.Command{
			part(report.PartLinks, "links with their states, addresses and leases"),
			part(report.PartRules, "tables and rules, and what is missing of them"),
			part(report.PartHooks, "how scripts went, and which do not run"),
			part(report.PartCloud, "what the cloud's metadata told, and when"),
			part(statusSystem, "the instance, as cnctl showed it"),
			part(statusNetwork, "the instance's network cards, as cnctl showed them"),
		},
		Action: a.status,
	}
}

// statusRun is one run of status.
type statusRun struct {
	*app
	global     global
	part       string // empty for all
	asJSON     bool
	prometheus bool
}

func (a *app) status(c *cli.Context) error {
	s := statusRun{app: a, global: globals(c), asJSON: given(c, "json"), prometheus: given(c, "prometheus")}
	if c.Command.Name != "status" {
		s.part = c.Command.Name
	}
	switch {
	case c.Args().Present() && s.part == "":
		return usageError(withHint(fmt.Errorf("status: there is no part %q", c.Args().First()), "netbrk status --help lists the parts"))
	case c.Args().Present():
		return usageError(withHint(fmt.Errorf("unexpected argument %q", c.Args().First()), "netbrk status %s --help lists the flags", s.part))
	case s.prometheus && (s.part != "" || s.asJSON || given(c, "watch")):
		return usageError(withHint(errors.New("--prometheus is about all, once, and goes with nothing else"), "netbrk status --prometheus"))
	case c.IsSet("explain") || c.IsSet("to") || given(c, "dot"):
		return s.explain(c)
	case given(c, "watch"):
		return s.watch(c.Context)
	}
	stayQuick()
	doc, err := s.look(c.Context)
	if err != nil {
		return err
	}
	if err := s.print(doc); err != nil {
		return err
	}
	return s.outcome(doc)
}

// given reports whether a flag is set for a verb or one above it.
func given(c *cli.Context, name string) bool {
	return slices.ContainsFunc(c.Lineage(), func(above *cli.Context) bool {
		return slices.Contains(above.LocalFlagNames(), name) && above.Bool(name)
	})
}

func (s statusRun) look(ctx context.Context) (report.Status, error) {
	switch s.part {
	case "":
		return s.collectStatus(ctx, s.global)
	case statusSystem, statusNetwork:
		return s.collectStatus(ctx, s.global, report.PartCloud)
	}
	return s.collectStatus(ctx, s.global, s.part)
}

func (s statusRun) print(doc report.Status) error {
	switch {
	case s.asJSON:
		return json.NewEncoder(s.stdout).Encode(doc)
	case s.prometheus:
		_, err := s.stdout.Write(metrics.Text(doc))
		return err
	}
	text, err := s.text(doc)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(s.stdout, text)
	return err
}

func (s statusRun) text(doc report.Status) (string, error) {
	o := displayOptions(s.stdout)
	switch s.part {
	case report.PartLinks:
		return display.Links(doc, o), nil
	case report.PartRules:
		return display.Rules(doc, o), nil
	case report.PartHooks:
		return display.Hooks(doc, o), nil
	case report.PartCloud:
		return display.Cloud(doc, o), nil
	case statusSystem, statusNetwork:
		return s.older(doc, o)
	}
	return display.Status(doc, o), nil
}

// older are cnctl's displays, of which there are none outside a cloud.
func (s statusRun) older(doc report.Status, o display.Options) (string, error) {
	text := display.System(doc, o)
	if s.part == statusNetwork {
		text = display.Network(doc, o)
	}
	switch {
	case text != "":
		return text, nil
	case doc.Cloud.Provider == cloud.None:
		return "", notInCloud(doc.Cloud.Why)
	}
	return "", withHint(errors.New("nothing is known of the instance yet"), "netbrk cloud-sync asks the metadata")
}

// outcome is what the exit status tells. Metrics have their own word for it.
func (s statusRun) outcome(doc report.Status) error {
	if doc.Health.State == report.HealthOK || s.prometheus || s.part == statusSystem || s.part == statusNetwork {
		return nil
	}
	return errPartial
}
