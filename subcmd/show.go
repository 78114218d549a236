package subcmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

// The facts of a cloud that can be shown.
const (
	factSSHKeys     = "ssh-keys"
	factCredentials = "credentials"
	factProject     = "project"
)

// identityDocuments are those by which EC2 vouches for an instance.
func identityDocuments() []string { return []string{"document", "pkcs7", "signature", "rsa2048"} }

func (a *app) showCommand() *cli.Command {
	asJSON := &cli.BoolFlag{Name: "json", Usage: "print it as JSON"}
	show := func(name, usage string, action cli.ActionFunc, flags ...cli.Flag) *cli.Command {
		return &cli.Command{
			Name: name, Usage: usage, Action: action, Flags: append(flags, asJSON),
			CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{"netbrk show " + name, "netbrk show " + name + " --json"}),
		}
	}
	return &cli.Command{
		Name:  "show",
		Usage: "show what the cloud's metadata says of the instance",
		Description: "As the last cloud-sync was told. Credentials are asked for when they are to be\n" +
			"shown, and kept nowhere. See netbrk-cloud(7).",
		CustomHelpTemplate: helpTemplate(cli.SubcommandHelpTemplate, []string{
			"netbrk show ssh-keys               the public keys of those who may log in",
			"netbrk show document >document     byte for byte, as it is signed",
			"sudo netbrk show credentials       of the instance's role, asked for now",
		}),
		Subcommands: []*cli.Command{
			show(factSSHKeys, "the public SSH keys", a.showSSHKeys),
			show("document", "EC2's instance identity document", a.showDocument),
			show("pkcs7", "the document and its signature by DSA, as PKCS #7", a.showDocument),
			show("signature", "the document's signature by RSA, in base64", a.showDocument),
			show("rsa2048", "the document and its signature by RSA, as PKCS #7", a.showDocument),
			show(factProject, "the project of an instance of Google Cloud", a.showProject),
			show(factCredentials, "the credentials of the role of an instance of EC2, asked for now", a.showCredentials, cloudFlags()...),
		},
		Action: func(c *cli.Context) error {
			what := "show takes the name of what is to be shown"
			if c.Args().Present() {
				what = fmt.Sprintf("show: there is no %q to be shown", c.Args().First())
			}
			return usageError(withHint(errors.New(what), "netbrk show --help lists the names"))
		},
	}
}

// synced is what the last sync kept of the instance.
type synced struct {
	store    *state.Cloud
	provider string
	system   hostnet.System
}

// lastSync reads what is kept of the last sync. The error says why there is nothing.
func lastSync(stateDir string) (synced, error) {
	s := synced{store: state.LookAtCloud(stateDir)}
	sync := s.store.Sync()
	s.provider, s.system = sync.Provider, s.store.System()
	switch {
	case sync.Provider == "" || sync.Provider != cloud.None && s.system.Provider == "":
		return s, withHint(errors.New("nothing is known of a cloud yet"), "netbrk cloud-sync asks its metadata")
	case sync.Provider == cloud.None:
		return s, notInCloud(sync.Why)
	case s.system.Provider != sync.Provider:
		return s, withHint(fmt.Errorf("nothing is known of %s yet", sync.Provider), "netbrk cloud-sync asks its metadata")
	}
	return s, nil
}

// notInCloud is the error for a host that is not an instance of a cloud.
func notInCloud(why string) error {
	return withHint(fmt.Errorf("not in a cloud: %s", why), "Provider in section Cloud of netbrk.toml names one")
}

// facts are those that can be shown of a cloud.
func facts(provider string) []string {
	switch provider {
	case "aws":
		return append(append([]string{factSSHKeys}, identityDocuments()...), factCredentials)
	case "gcp":
		return []string{factSSHKeys, factProject}
	}
	return []string{factSSHKeys}
}

// notThere is the error for a fact that only another cloud has.
func notThere(fact, provider string) error {
	return withHint(fmt.Errorf("%s has no %s", provider, fact), "of %s there is: netbrk show %s", provider, strings.Join(facts(provider), " | "))
}

// identity returns an identity document as it came.
func (s synced) identity(name string) ([]byte, error) {
	if s.provider != "aws" {
		return nil, notThere(name, s.provider)
	}
	body, err := s.store.Document("ec2/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, withHint(fmt.Errorf("the metadata of aws had no %s", name), "netbrk cloud-sync asks again")
	}
	return body, err
}

func (a *app) showSSHKeys(c *cli.Context) error {
	s, err := a.toShow(c)
	if err != nil {
		return err
	}
	if len(s.system.SSHKeys) == 0 {
		return withHint(fmt.Errorf("the metadata of %s has no SSH key", s.provider), "netbrk cloud-sync asks again")
	}
	if c.Bool("json") {
		return a.printShown(report.ShowDocument{Provider: s.provider, SSHKeys: s.system.SSHKeys})
	}
	for _, key := range s.system.SSHKeys {
		fmt.Fprintln(a.stdout, key)
	}
	return nil
}

func (a *app) toShow(c *cli.Context) (synced, error) {
	if err := noArguments(c); err != nil {
		return synced{}, err
	}
	return lastSync(globals(c).stateDir)
}

// showDocument prints not a byte more than is signed.
func (a *app) showDocument(c *cli.Context) error {
	s, err := a.toShow(c)
	if err != nil {
		return err
	}
	body, err := s.identity(c.Command.Name)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return a.printShown(report.ShowDocument{Provider: s.provider, Text: string(body)})
	}
	_, err = a.stdout.Write(body)
	return err
}

func (a *app) showProject(c *cli.Context) error {
	s, err := a.toShow(c)
	if err != nil {
		return err
	}
	p := s.system.Project
	switch {
	case s.provider != "gcp":
		return notThere(factProject, s.provider)
	case p == nil:
		return withHint(errors.New("the metadata of gcp had no project"), "netbrk cloud-sync asks again")
	case c.Bool("json"):
		return a.printShown(report.ShowDocument{Provider: s.provider, Project: p})
	}
	return a.printPairs([][2]string{
		{"project", p.ID}, {"number", p.Number}, {"service account", p.ServiceAccount},
		{"scopes", strings.Join(p.Scopes, " ")}, {"attributes", strings.Join(p.Attributes, " ")},
	})
}

func (a *app) printShown(doc report.ShowDocument) error {
	doc.SchemaVersion = report.ShowSchema
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(doc)
}

// printPairs prints what is not empty.
func (a *app) printPairs(pairs [][2]string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, p := range pairs {
		if p[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", p[0]+":", p[1])
		}
	}
	return w.Flush()
}
