package subcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/plan"
	"github.com/netbrk/netbrk/internal/reconcile"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

func (a *app) applyRulesCommand() *cli.Command {
	return &cli.Command{
		Name:      "apply-rules",
		Usage:     "bring the routing policy of links to what it should be",
		ArgsUsage: "[LINK...]",
		Description: "Each link of RoutingPolicyRules gets a table, and rules per address, so that it\n" +
			"answers by the way it was asked. Without LINK it is about all links. What netbrk\n" +
			"did not add is never changed. See netbrk-rules(7).",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "print the steps as commands of ip(8), change nothing"},
			&cli.BoolFlag{Name: "json", Usage: "print what was wanted and done as JSON"},
			&cli.BoolFlag{Name: "flush", Usage: "remove all that netbrk added, until apply-rules is run again"},
			&cli.BoolFlag{Name: "pending", Usage: "serve what netbrk watch spooled, until nothing came for 2 s"},
		},
		CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{
			"netbrk apply-rules --dry-run      what would change, as ip commands",
			"netbrk apply-rules                all links, now",
			"netbrk apply-rules ens5           one link",
			"netbrk apply-rules --flush        undo, for all links",
		}),
		Action: a.applyRules,
	}
}

func (a *app) applyRules(c *cli.Context) error {
	links := c.Args().Slice()
	for _, name := range links {
		if strings.HasPrefix(name, "-") {
			return usageError(withHint(fmt.Errorf("%q comes after a link", name), "flags come first: netbrk apply-rules --dry-run ens5"))
		}
		if !hostnet.ValidLinkName(name) {
			return usageError(fmt.Errorf("%q is not a name that a link can have", name))
		}
	}
	pending := c.Bool("pending")
	if pending && (len(links) > 0 || c.Bool("flush") || c.Bool("dry-run") || c.Bool("json")) {
		return usageError(withHint(errors.New("--pending is about all links, and goes with nothing else"), "netbrk apply-rules LINK is about some"))
	}
	stayQuick()
	r, err := a.newRulesRun(globals(c), c.Bool("dry-run"))
	if err != nil {
		if pending {
			dropPending(globals(c).stateDir)
		}
		return err
	}
	defer r.kernel.Close()
	r.options.Links, r.options.Flush = links, c.Bool("flush")
	if pending {
		return r.servePending(c.Context)
	}
	r.options.ByHand = true
	return r.once(c.Context, c.Bool("json"))
}

// rulesRun is one run of apply-rules.
type rulesRun struct {
	*app
	stateDir string
	log      *slog.Logger
	cfg      *config.Config
	kernel   *kernel.Policy
	options  reconcile.Options
}

func (a *app) newRulesRun(g global, dryRun bool) (*rulesRun, error) {
	cfg, log, err := a.load(g)
	if err != nil {
		return nil, err
	}
	k, err := kernel.OpenPolicy()
	if err != nil {
		return nil, err
	}
	r := &rulesRun{app: a, stateDir: g.stateDir, log: log, cfg: cfg, kernel: k, options: rulesOptions(cfg, g.stateDir, log)}
	r.options.DryRun = dryRun
	return r, nil
}

// rulesOptions are what whoever applies rules and whoever only looks at them, status,
// go by.
func rulesOptions(cfg *config.Config, stateDir string, log *slog.Logger) reconcile.Options {
	return reconcile.Options{
		Policy: plan.Policy{
			TableBase: uint32(cfg.Network.RouteTableBase),
			Priority:  uint32(cfg.Network.RulePriority),
		},
		Managed:  cfg.Network.RoutingPolicyRules.Match,
		Gateways: leaseGateways(stateDir),
		Keeper:   keeperOf,
		Now:      time.Now,
		Log:      log,
	}
}

// once makes one pass for somebody who waits for its answer.
func (r *rulesRun) once(ctx context.Context, asJSON bool) error {
	result, err := r.pass(ctx)
	if err != nil {
		return err
	}
	for _, name := range result.Unknown {
		fmt.Fprintf(r.stderr, "netbrk: no link is called %q, and none that netbrk knew was\n", name)
		fmt.Fprintln(r.stderr, "netbrk: hint: ip link lists the links")
	}
	if asJSON {
		if err := r.printJSON(result); err != nil {
			return err
		}
	} else if r.options.DryRun {
		for _, command := range result.Commands() {
			fmt.Fprintln(r.stdout, command)
		}
	}
	r.hint(result)
	switch {
	case len(result.Unknown) > 0 && len(result.Unknown) == len(r.options.Links):
		return errAllUnknown
	case result.Partial():
		return errPartial
	}
	return nil
}

// hint tells whoever named links why nothing was wanted, and the log what is left out.
func (r *rulesRun) hint(result reconcile.Result) {
	for _, name := range r.options.Links {
		if !r.routed(name) && !r.options.Flush && !slices.Contains(result.Unknown, name) {
			fmt.Fprintf(r.stderr, "netbrk: hint: link %q gets no rules: add it to RoutingPolicyRules in netbrk.toml\n", name)
		}
	}
	for _, l := range result.Links {
		for _, note := range l.Notes {
			r.log.Debug("policy routing", "link", l.Link, "note", note)
		}
	}
}

// routed reports whether a link is to have rules, by the configuration or the cloud.
func (r *rulesRun) routed(name string) bool {
	for _, l := range r.options.Cloud {
		if l.Routed && l.Link == name {
			return true
		}
	}
	return r.options.Managed(name)
}

func (r *rulesRun) printJSON(result reconcile.Result) error {
	doc := report.RulesDocument{
		SchemaVersion: report.RulesSchema, DryRun: r.options.DryRun,
		Links: result.Links, Steps: result.Commands(), Problems: result.Problems,
	}
	return json.NewEncoder(r.stdout).Encode(doc.Complete())
}

// pass brings the kernel in line, alone.
func (r *rulesRun) pass(ctx context.Context) (reconcile.Result, error) {
	if err := r.recallCloud(); err != nil {
		return reconcile.Result{}, err
	}
	if r.options.DryRun {
		return reconcile.Run(ctx, r.kernel, state.LookAtRules(r.stateDir), r.options)
	}
	lock, err := state.LockRules(ctx, r.stateDir)
	if err != nil {
		return reconcile.Result{}, needRoot(err)
	}
	defer lock.Unlock()
	ledger, err := state.OpenRules(r.stateDir)
	if err != nil {
		return reconcile.Result{}, needRoot(err)
	}
	result, err := reconcile.Run(ctx, r.kernel, ledger, r.options)
	return result, needRoot(err)
}

// recallCloud has what the cloud told in this boot count, without asking anew.
func (r *rulesRun) recallCloud() error {
	links, err := state.LookAtCloud(r.stateDir).Links()
	if err != nil {
		return err
	}
	boot := bootID()
	maps.DeleteFunc(links, func(_ int, l report.CloudLink) bool { return l.BootID != boot })
	r.options.Cloud = links
	return nil
}

func needRoot(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return withHint(err, "run it as root; --dry-run shows the steps to anybody")
	}
	return err
}
