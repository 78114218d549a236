package subcmd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/api"
)

// idleAPI is how long a process that systemd started waits for the next client.
const idleAPI = 30 * time.Second

func (a *app) apiCommand() *cli.Command {
	return &cli.Command{
		Name:  "api",
		Usage: "answer programs of this host over HTTP",
		Description: "On the socket that systemd passes, until nobody has been connected for a while, or\n" +
			"on one of its own. Nothing can be changed over it. The paths are in netbrk(1).",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Usage: "listen on `ADDRESS:PORT`, and stay"},
			&cli.DurationFlag{Name: "idle", Usage: "end after `DURATION` without a connection, 0 for never", DefaultText: "30s, 0 with --listen"},
		},
		CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{
			"netbrk api --listen 127.0.0.1:5209",
			"curl http://127.0.0.1:5209/api/v1/status",
			"curl http://127.0.0.1:5209/api/v1/openapi.json",
		}),
		Action: a.api,
	}
}

func (a *app) api(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	g := globals(c)
	_, log, err := a.load(g)
	if err != nil {
		return err
	}
	idle := c.Duration("idle")
	if idle < 0 {
		return usageError(fmt.Errorf("--idle: %s is less than nothing", idle))
	}
	var listeners []net.Listener
	if address := c.String("listen"); address != "" {
		listeners, err = listenOn(address)
	} else {
		listeners, err = passed()
		if !c.IsSet("idle") {
			idle = idleAPI
		}
	}
	if err != nil {
		return err
	}
	return api.Serve(c.Context, listeners, api.Options{Source: &apiSource{app: a, global: g, log: log}, Log: log, Idle: idle})
}

func listenOn(address string) ([]net.Listener, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, usageError(withHint(fmt.Errorf("--listen: %q is not an address and port", address), "netbrk api --listen 127.0.0.1:5209"))
	}
	network := "tcp6"
	if at.Addr().Is4() {
		network = "tcp4" // with "tcp", 0.0.0.0 would be that of IPv6 as well
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	return []net.Listener{l}, nil
}

// passed are the sockets that systemd passes, sd_listen_fds(3).
func passed() ([]net.Listener, error) {
	var listeners []net.Listener
	for _, f := range activation.Files(true) {
		l, err := net.FileListener(f)
		f.Close() // l has a copy
		if err != nil {
			return nil, fmt.Errorf("using the socket %q that was passed: %w", f.Name(), err)
		}
		listeners = append(listeners, l)
	}
	if len(listeners) == 0 {
		return nil, usageError(withHint(errors.New("no socket was passed"), "systemctl start netbrk-api.socket, or netbrk api --listen 127.0.0.1:5209"))
	}
	return listeners, nil
}
