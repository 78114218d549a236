// Command netbrk runs hooks on network events; see netbrk(1).
package main

import (
	"os"

	"github.com/netbrk/netbrk/subcmd"
)

func main() {
	os.Exit(subcmd.Main(os.Args, os.Stdout, os.Stderr))
}
