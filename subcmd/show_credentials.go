package subcmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/providers"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// credentialsAnswer is how long credentials are waited for.
const credentialsAnswer = 10 * time.Second

// credentialed is a cloud that hands out credentials to an instance.
type credentialed interface {
	Credentials(ctx context.Context, g cloud.Getter) (hostnet.Credentials, error)
}

func (a *app) showCredentials(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	provider, endpoint, err := cloudArguments(c)
	if err != nil {
		return err
	}
	// Many hosts let root alone reach the service, and hold whoever else gets to see
	// credentials for a leak. Who names an endpoint gets what he can reach himself.
	if endpoint == "" && os.Geteuid() != 0 {
		return withHint(errors.New("credentials are shown to root alone"), "sudo netbrk show credentials")
	}
	cfg, log, err := a.load(globals(c))
	if err != nil {
		return err
	}
	if provider == "" {
		provider = cfg.Cloud.Provider
	}
	found := cloud.Detect("/", provider)
	if found.Provider == cloud.None {
		return withHint(fmt.Errorf("not in a cloud: %s", found.Why), "--provider names one")
	}
	credentials, err := askCredentials(c.Context, found.Provider, endpoint, log)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return a.printShown(report.ShowDocument{Provider: found.Provider, Credentials: &credentials})
	}
	return a.printPairs([][2]string{
		{"role", credentials.Role}, {"code", credentials.Code}, {"type", credentials.Type},
		{"access key id", credentials.AccessKeyID}, {"secret access key", credentials.SecretKey.Reveal()},
		{"token", credentials.Token.Reveal()}, {"updated", stamp(credentials.LastUpdated)}, {"expires", stamp(credentials.Expiration)},
	})
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// askCredentials asks the metadata service, now. They are returned and kept
// nowhere, the log included.
func askCredentials(ctx context.Context, provider, endpoint string, log *slog.Logger) (hostnet.Credentials, error) {
	p := providers.Named(provider)
	who, ok := p.(credentialed)
	if !ok {
		return hostnet.Credentials{}, notThere(factCredentials, provider)
	}
	client, err := cloudClient(p, endpoint, log)
	if err != nil {
		return hostnet.Credentials{}, usageError(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, credentialsAnswer)
	defer cancel()
	credentials, err := who.Credentials(ctx, client)
	switch {
	case errors.Is(err, cloud.ErrAbsent):
		err = withHint(err, "attach a role to the instance: the console of EC2, or aws ec2 associate-iam-instance-profile")
	case errors.Is(err, cloud.ErrNotReady):
		err = notReady(err)
	}
	if err != nil {
		return hostnet.Credentials{}, fmt.Errorf("asking for credentials: %w", err)
	}
	return credentials, nil
}
