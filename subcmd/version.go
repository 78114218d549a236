package subcmd

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// version and commit are set by the linker, see the Makefile.
var (
	version = "devel"
	commit  = "unknown"
)

func (a *app) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version and the commit it was built from",
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			_, err := fmt.Fprintf(a.stdout, "netbrk %s (%s)\n", version, commit)
			return err
		},
	}
}
