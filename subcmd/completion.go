package subcmd

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// What a shell reads: it asks netbrk itself for the words.
var (
	//go:embed completion/netbrk.bash
	bashCompletion string
	//go:embed completion/_netbrk
	zshCompletion string
	//go:embed completion/netbrk.fish
	fishCompletion string
)

func (a *app) completionCommand() *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Usage:       "print the completion of bash, zsh or fish",
		ArgsUsage:   "bash|zsh|fish",
		Description: "Packages install it. By hand it goes where the shell looks, see EXAMPLES.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "words", Usage: "print what the last of the arguments can become", Hidden: true},
		},
		CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{
			"source <(netbrk completion bash)",
			"netbrk completion zsh > \"${fpath[1]}/_netbrk\"",
			"netbrk completion fish > ~/.config/fish/completions/netbrk.fish",
		}),
		Action: a.completion,
	}
}

func (a *app) completion(c *cli.Context) error {
	if c.Bool("words") {
		for _, word := range candidates(a.cli(), c.Args().Slice()) {
			fmt.Fprintln(a.stdout, word)
		}
		return nil
	}
	scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	script, ok := scripts[c.Args().First()]
	if !ok || c.NArg() != 1 {
		return usageError(withHint(errors.New("completion takes the name of a shell"), "netbrk completion bash, zsh or fish"))
	}
	_, err := fmt.Fprint(a.stdout, script)
	return err
}

// candidates lists what the last word of a command line can become. Nothing
// leaves it to the shell, which completes files.
func candidates(root *cli.App, words []string) []string {
	if len(words) == 0 {
		return nil
	}
	// bash takes an equals sign for a word of its own. One at the end has an empty
	// value after it.
	if words[len(words)-1] == "=" {
		words = append(slices.Clone(words), "")
	}
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "=" })
	last := words[len(words)-1]
	commands, flags, verb := root.Commands, root.Flags, ""
	waiting := "" // the flag whose value comes next
	for _, word := range words[:len(words)-1] {
		switch {
		case waiting != "":
			waiting = ""
		case strings.HasPrefix(word, "-"):
			waiting = takesValue(flags, word)
		default:
			if i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.Name == word }); i >= 0 {
				verb = strings.TrimSpace(verb + " " + word)
				flags, commands = commands[i].Flags, commands[i].Subcommands
			}
		}
	}
	name, value, inline := strings.Cut(last, "=")
	switch {
	case waiting != "":
		return matching(values(waiting), last)
	case inline && strings.HasPrefix(name, "-"):
		var found []string
		for _, v := range matching(values(takesValue(flags, name)), value) {
			found = append(found, name+"="+v)
		}
		return found
	case strings.HasPrefix(last, "-"):
		return matching(flagNames(flags), last)
	}
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return matching(append(names, arguments(verb)...), last)
}

// takesValue returns the name of a flag that the next word is the value of, and
// "" for one that stands for itself.
func takesValue(flags []cli.Flag, word string) string {
	name := strings.TrimLeft(word, "-")
	for _, f := range flags {
		if _, isBool := f.(*cli.BoolFlag); !isBool && slices.Contains(f.Names(), name) {
			return name
		}
	}
	return ""
}

func flagNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); !ok || v.IsVisible() {
			names = append(names, "--"+f.Names()[0])
		}
	}
	return append(names, "--help")
}

// values are those that a flag can have, as far as they can be listed.
func values(flag string) []string {
	switch flag {
	case "link":
		return linkNames()
	case "state":
		return hostnet.LinkStates()
	case "dispatch":
		return []string{dispatchUnits, dispatchExec, dispatchNone}
	case "generator":
		return []string{config.GeneratorDHClient}
	case "provider":
		return config.Providers()
	case "log-level":
		return []string{"trace", "debug", "info", "warn", "error"}
	case "log-format":
		return []string{"text", "json"}
	}
	return nil
}

// arguments are what a verb takes besides flags.
func arguments(verb string) []string {
	switch verb {
	case "apply-rules":
		return linkNames()
	case "completion":
		return []string{"bash", "zsh", "fish"}
	}
	return nil
}

// linkNames are those of this host's links; none where sysfs is not mounted.
func linkNames() []string {
	entries, err := os.ReadDir("/sys/class/net")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if hostnet.ValidLinkName(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

func matching(words []string, prefix string) []string {
	var found []string
	for _, word := range words {
		if strings.HasPrefix(word, prefix) && !slices.Contains(found, word) {
			found = append(found, word)
		}
	}
	return found
}
