package subcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/config"
)

const defaultStateDir = "/run/netbrk"

// Main runs netbrk with the given command line and returns its exit status.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	a := &app{stdout: stdout, stderr: stderr}
	if len(args) > 0 && filepath.Base(args[0]) == generatorName {
		log, done := generatorLog(stderr, kmsgDevice)
		defer done()
		return finish(a.generate("/", args), log)
	}
	return finish(a.cli().RunContext(ctx, args), stderr)
}

// app is one run of the program.
type app struct {
	stdout, stderr io.Writer
}

func (a *app) cli() *cli.App {
	app := &cli.App{
		Name:  "netbrk",
		Usage: "run hooks on network events, keep policy routing, follow cloud metadata",
		Description: "netbrk follows the host's links, runs their owner's scripts on events, gives links\n" +
			"a routing table of their own, and a cloud's NICs the addresses that they have.\n" +
			"See netbrk(1), netbrk.toml(5), netbrk-hooks(7), netbrk-rules(7), netbrk-cloud(7).",
		Version:         version,
		HideVersion:     true, // the verb prints the commit, too
		HideHelpCommand: true,
		Flags:           globalFlags(),
		Commands:        []*cli.Command{a.watchCommand(), a.runHooksCommand(), a.applyRulesCommand(), a.cloudSyncCommand(), a.statusCommand(), a.showCommand(), a.apiCommand(), a.configCommand(), a.completionCommand(), a.versionCommand()},
		Writer:          a.stdout,
		ErrWriter:       a.stderr,
		OnUsageError:    onUsageError,
		ExitErrHandler:  func(*cli.Context, error) {}, // exit.go alone decides on codes
		Action:          noVerb,
		CustomAppHelpTemplate: helpTemplate(cli.AppHelpTemplate, []string{
			"netbrk watch --dispatch=none --print",
			"netbrk run-hooks --link eth0 --state routable --dry-run",
			"netbrk apply-rules --dry-run",
			"netbrk status",
		}),
	}
	takeGlobals(app.Commands)
	return app
}

// takeGlobals lets the global flags stand after a verb, too.
func takeGlobals(commands []*cli.Command) {
	for _, c := range commands {
		c.Flags = append(c.Flags, globalFlags()...)
		c.OnUsageError = onUsageError
		c.HideHelpCommand = true
		takeGlobals(c.Subcommands)
	}
}

// globalFlags are accepted before and after the verb.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "read `FILE` instead of " + config.DefaultPath + " [$NETBRK_CONFIG]", Category: "Global options"},
		&cli.StringFlag{Name: "state-dir", Usage: "keep state in `DIR` instead of " + defaultStateDir + " [$NETBRK_STATE_DIR]", Category: "Global options"},
		&cli.StringFlag{Name: "log-level", Usage: "trace, debug, info, warn or error", Category: "Global options"},
		&cli.StringFlag{Name: "log-format", Usage: "text or json", Category: "Global options"},
	}
}

func helpTemplate(base string, examples []string) string {
	return base + "\nEXAMPLES:\n   " + strings.Join(examples, "\n   ") + "\n"
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	verb := "netbrk"
	if c.Command != nil && c.Command.Name != "" && c.Command.Name != "netbrk" {
		verb = c.Command.HelpName
	}
	return usageError(withHint(err, "%s --help lists the flags", verb))
}

func noVerb(c *cli.Context) error {
	if c.Args().Present() {
		return usageError(withHint(fmt.Errorf("there is no verb %q", c.Args().First()), "netbrk --help lists the verbs"))
	}
	c.App.Writer = c.App.ErrWriter
	if err := cli.ShowAppHelp(c); err != nil {
		return err
	}
	return usageError(withHint(errors.New("no verb given"), "netbrk watch follows links, netbrk run-hooks runs their scripts, netbrk apply-rules routes"))
}

// noArguments refuses what a verb would silently ignore.
func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return usageError(withHint(fmt.Errorf("unexpected argument %q", c.Args().First()), "%s --help lists the flags", c.Command.HelpName))
	}
	return nil
}

// global are the values of the global flags.
type global struct {
	config, stateDir, logLevel, logFormat string
}

// globals reads the global flags: the one nearest to the end of the command
// line counts, then the environment.
func globals(c *cli.Context) global {
	get := func(name, env, fallback string) string {
		for _, ctx := range c.Lineage() {
			if ctx.App != nil && slices.Contains(ctx.LocalFlagNames(), name) {
				return ctx.String(name)
			}
		}
		if v := os.Getenv(env); env != "" && v != "" {
			return v
		}
		return fallback
	}
	return global{
		config:    get("config", "NETBRK_CONFIG", ""),
		stateDir:  get("state-dir", "NETBRK_STATE_DIR", defaultStateDir),
		logLevel:  get("log-level", "", ""),
		logFormat: get("log-format", "", ""),
	}
}

// arguments hands the same choices to another netbrk that this one starts.
func (g global) arguments() []string {
	args := []string{"--state-dir=" + g.stateDir}
	for flag, value := range map[string]string{"--config": g.config, "--log-level": g.logLevel, "--log-format": g.logFormat} {
		if value != "" {
			args = append(args, flag+"="+value)
		}
	}
	slices.Sort(args)
	return args
}

// load reads the configuration and sets up the log that it, or the command
// line, asks for. What is not known in a file is a warning.
func (a *app) load(g global) (*config.Config, *slog.Logger, error) {
	cfg, warnings, err := config.Load(config.Options{Path: g.config})
	if err != nil {
		return nil, nil, usageError(fmt.Errorf("reading configuration: %w", err))
	}
	level, format := cfg.System.LogLevel, cfg.System.LogFormat
	if g.logLevel != "" {
		if level, err = config.ParseLogLevel(g.logLevel); err != nil {
			return nil, nil, usageError(fmt.Errorf("--log-level: %w", err))
		}
	}
	switch g.logFormat {
	case "":
	case "text", "json":
		format = g.logFormat
	default:
		return nil, nil, usageError(fmt.Errorf("--log-format: %q is neither text nor json", g.logFormat))
	}
	log := newLogger(a.stderr, level, format)
	for _, warning := range warnings {
		log.Warn("configuration", "warning", warning.String())
	}
	return cfg, log, nil
}
