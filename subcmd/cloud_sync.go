package subcmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/providers"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/reconcile"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

const (
	// propagation is how long a NIC that is here and not yet complete in the
	// metadata is asked for again; on EC2 that takes up to half a minute.
	propagation = 30 * time.Second
	// lastAnswer is how long an answer is waited for that was asked for just before
	// that time was over.
	lastAnswer = 5 * time.Second
	// The waits between begin with askAgain and double.
	askAgain = time.Second
)

func (a *app) cloudSyncCommand() *cli.Command {
	return &cli.Command{
		Name:  "cloud-sync",
		Usage: "give the NICs of a cloud instance what its metadata says they have",
		Description: "Secondary addresses, ranges, MTU, routes and rules. What DHCP or anybody else put\n" +
			"there is left alone, and nothing is removed on doubt. See netbrk-cloud(7).",
		Flags: append(cloudFlags(),
			&cli.BoolFlag{Name: "dry-run", Usage: "print the steps as commands of ip(8), change nothing"},
			&cli.BoolFlag{Name: "json", Usage: "print what was told and done as JSON"},
			&cli.BoolFlag{Name: "flush", Usage: "remove all that cloud-sync added, until it is run again by hand"},
			&cli.BoolFlag{Name: "scheduled", Usage: "what was flushed stays away; for the timer"},
		),
		CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{
			"netbrk cloud-sync --dry-run                what would change, as ip commands",
			"netbrk cloud-sync                          now",
			"netbrk cloud-sync --provider openstack     where the machine does not tell",
			"netbrk cloud-sync --flush                  undo",
		}),
		Action: a.cloudSync,
	}
}

// cloudFlags are those of the verbs that ask a metadata service.
func cloudFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "provider", Usage: "the cloud is `NAME`, instead of finding out"},
		&cli.StringFlag{Name: "endpoint", Usage: "ask at `URL` instead of the cloud's own addresses [$NETBRK_CLOUD_ENDPOINT]"},
	}
}

// cloudArguments are the values of cloudFlags, empty where nothing is said.
func cloudArguments(c *cli.Context) (provider, endpoint string, err error) {
	provider = c.String("provider")
	if provider != "" && !slices.Contains(config.Providers(), provider) {
		err = usageError(withHint(fmt.Errorf("--provider: %q is unknown", provider), "the clouds are %s", wordList(config.Providers())))
	}
	return provider, cloudEndpoint(c.String("endpoint")), err
}

// cloudEndpoint is where to ask instead of the cloud's own addresses, by the flag or
// else the environment; empty for those.
func cloudEndpoint(flag string) string { return cmp.Or(flag, os.Getenv("NETBRK_CLOUD_ENDPOINT")) }

func (a *app) cloudSync(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	provider, endpoint, err := cloudArguments(c)
	if err != nil {
		return err
	}
	g := globals(c)
	dryRun, flush := c.Bool("dry-run"), c.Bool("flush")
	if !dryRun {
		// Before anything that may fail: what is left would have the path unit
		// start the next run at once.
		if err := state.TakeCloudPending(g.stateDir); err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	stayQuick()
	progress := a.startProgress("asking the cloud's metadata")
	defer progress.end()
	r, err := a.newRulesRun(g, dryRun)
	if err != nil {
		return err
	}
	defer r.kernel.Close()
	r.options.ByHand = !c.Bool("scheduled")
	s := &cloudRun{rulesRun: r, progress: progress, store: state.LookAtCloud(g.stateDir), asJSON: c.Bool("json")}
	if flush {
		return s.flush(c.Context)
	}
	if provider == "" {
		provider = r.cfg.Cloud.Provider
	}
	s.found = cloud.Detect("/", provider)
	return s.sync(c.Context, endpoint)
}

// cloudRun is one run of cloud-sync.
type cloudRun struct {
	*rulesRun
	progress *progress
	store    *state.Cloud
	asJSON   bool
	found    cloud.Detection
	last     report.CloudSync
	// instance is the id that was told, empty if none was.
	instance string
	problems []string
	missing  map[string]time.Time // NICs of the host that are not told of
	// missingUp is since when by the clock of missingFor.
	missingUp map[string]float64
}

func (s *cloudRun) sync(ctx context.Context, endpoint string) error {
	s.last = s.store.Sync()
	if s.last.Outcome == outcomeFlushed && !s.options.ByHand {
		s.log.Debug("flushed by hand: netbrk cloud-sync brings it back")
		return nil
	}
	provider := providers.Named(s.found.Provider)
	if provider == nil {
		s.log.Info("no cloud to ask", "why", s.found.Why)
		return s.end(ctx, reconcile.Result{}, outcomeNone, nil)
	}
	client, err := cloudClient(provider, endpoint, s.log)
	if err != nil {
		return usageError(err)
	}
	defer client.Close()

	began, wait, limit := time.Now(), askAgain, cloud.AnyAnswer
	if s.last.Provider == "" {
		limit = cloud.FirstAnswer
	}
	for {
		result, again, err := s.attempt(ctx, provider, client, limit)
		late := time.Since(began)+wait > propagation
		if err != nil && (late || !errors.Is(err, cloud.ErrAbsent)) {
			return s.failed(ctx, err)
		}
		if err == nil && (!again || s.options.DryRun || late) {
			outcome := outcomeDone
			if len(s.problems) > 0 || result.Partial() {
				outcome = outcomePartial
			}
			return s.end(ctx, result, outcome, nil)
		}
		select {
		case <-ctx.Done():
			return s.failed(ctx, ctx.Err())
		case <-time.After(wait):
		}
		wait *= 2
		limit = max(propagation-time.Since(began), lastAnswer)
	}
}

func cloudClient(p cloud.Provider, endpoint string, log *slog.Logger) (*cloud.Client, error) {
	links, err := cloud.Links("/")
	if err != nil {
		return nil, err
	}
	return cloud.NewClient(p.Endpoint(), cloud.Options{Base: endpoint, Links: links, Log: log})
}

// attempt fetches the metadata and brings the host in line with it. again is true if
// asking once more may tell more.
func (s *cloudRun) attempt(ctx context.Context, p cloud.Provider, g cloud.Getter, limit time.Duration) (result reconcile.Result, again bool, err error) {
	asking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	told, err := p.Fetch(asking, g)
	if err != nil {
		return result, false, fmt.Errorf("asking the metadata of %s: %w", p.Name(), err)
	}
	if !s.options.DryRun {
		lock, err := state.LockRules(ctx, s.stateDir)
		if err != nil {
			return result, false, needRoot(err)
		}
		defer lock.Unlock()
		if s.store, err = state.OpenCloud(s.stateDir); err != nil {
			return result, false, needRoot(err)
		}
	}
	again, err = s.take(ctx, told)
	if err != nil {
		return result, false, needRoot(err)
	}
	result, err = s.reconcile(ctx)
	return result, again, needRoot(err)
}

// flush forgets what the cloud told, and so has all that came of it removed.
func (s *cloudRun) flush(ctx context.Context) error {
	s.last = s.store.Sync()
	s.found = cloud.Detection{Provider: s.last.Provider, Why: s.last.Why}
	s.options.Cloud = nil
	s.options.ByHand = false // nothing else comes back
	result, err := s.removeAll(ctx)
	if err != nil {
		return needRoot(err)
	}
	return s.end(ctx, result, outcomeFlushed, nil)
}

func (s *cloudRun) removeAll(ctx context.Context) (result reconcile.Result, err error) {
	if s.options.DryRun {
		return s.reconcile(ctx)
	}
	lock, err := state.LockRules(ctx, s.stateDir)
	if err != nil {
		return result, err
	}
	defer lock.Unlock()
	if s.store, err = state.OpenCloud(s.stateDir); err != nil {
		return result, err
	}
	links, err := s.store.Links()
	if err != nil {
		return result, err
	}
	for index := range links {
		if err := s.store.RemoveLink(index); err != nil {
			return result, err
		}
	}
	return s.reconcile(ctx)
}

// reconcile makes a pass over all links; the caller holds the lock.
func (s *cloudRun) reconcile(ctx context.Context) (reconcile.Result, error) {
	if s.options.DryRun {
		return reconcile.Run(ctx, s.kernel, state.LookAtRules(s.stateDir), s.options)
	}
	ledger, err := state.OpenRules(s.stateDir)
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Run(ctx, s.kernel, ledger, s.options)
}

// The outcomes of a sync, as sync.json has them.
const (
	outcomeDone     = "done"
	outcomePartial  = "partial"
	outcomeNotReady = "not ready"
	outcomeFailed   = "failed"
	outcomeNone     = "none"
	outcomeFlushed  = "flushed"
)

// failed ends a run that was told nothing that counts.
func (s *cloudRun) failed(ctx context.Context, err error) error {
	outcome := outcomeFailed
	if errors.Is(err, cloud.ErrNotReady) || errors.Is(err, cloud.ErrAbsent) {
		outcome, err = outcomeNotReady, notReady(err)
	}
	s.problems = append(s.problems, err.Error())
	return s.end(ctx, reconcile.Result{}, outcome, err)
}

// end saves and tells what became of the run.
func (s *cloudRun) end(ctx context.Context, result reconcile.Result, outcome string, err error) error {
	s.progress.end() // what follows may go to the same terminal
	s.problems = append(s.problems, result.Problems...)
	if !s.options.DryRun {
		// Of a run that is told to end, too. Another one has the lock for a pass alone.
		saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswer)
		defer cancel()
		if saved := s.saveOutcome(saving, outcome); saved != nil {
			err = errors.Join(err, saved)
		}
	}
	if s.asJSON {
		if printed := s.print(result); printed != nil {
			return printed
		}
	} else if s.options.DryRun {
		for _, command := range result.Commands() {
			fmt.Fprintln(s.stdout, command)
		}
	}
	if err != nil {
		return err
	}
	if outcome == outcomePartial {
		for _, problem := range s.problems {
			fmt.Fprintf(s.stderr, "netbrk: %s\n", problem)
		}
		return errPartial
	}
	return nil
}

func (s *cloudRun) saveOutcome(ctx context.Context, outcome string) error {
	now := report.CloudSync{
		Provider: s.found.Provider, Why: s.found.Why, Outcome: outcome,
		InstanceID: s.instance, Problems: s.problems, Missing: s.missing, MissingUp: s.missingUp, Changed: s.last.Changed,
	}
	if now.InstanceID == "" {
		now.InstanceID = s.last.InstanceID
	}
	if outcome == outcomeNone && s.last.Provider == "" {
		return nil // nothing is, and nothing was
	}
	if sameSync(now, s.last) {
		return needRoot(s.store.Synced(time.Now()))
	}
	now.Changed = time.Now().UTC()
	lock, err := state.LockRules(ctx, s.stateDir)
	if err != nil {
		return needRoot(err)
	}
	defer lock.Unlock()
	store, err := state.OpenCloud(s.stateDir)
	if err != nil {
		return needRoot(err)
	}
	return store.SaveSync(now)
}

func sameSync(a, b report.CloudSync) bool {
	return maps.EqualFunc(a.Missing, b.Missing, time.Time.Equal) && maps.Equal(a.MissingUp, b.MissingUp) && a.Provider == b.Provider && a.Why == b.Why && a.Outcome == b.Outcome && a.InstanceID == b.InstanceID && slices.Equal(a.Problems, b.Problems)
}

func (s *cloudRun) print(result reconcile.Result) error {
	doc := report.CloudDocument{
		SchemaVersion: report.CloudSchema, DryRun: s.options.DryRun, Provider: s.found.Provider, Why: s.found.Why,
		Links: []report.CloudLink{}, Steps: result.Commands(), Problems: append([]string{}, s.problems...),
	}
	for _, index := range sortedKeys(s.options.Cloud) {
		doc.Links = append(doc.Links, s.options.Cloud[index])
	}
	return json.NewEncoder(s.stdout).Encode(doc)
}

// describeNIC names a NIC and its link in a problem.
func describeNIC(nic hostnet.NIC, link string) string {
	if link == "" {
		return "NIC " + nic.MAC
	}
	return fmt.Sprintf("NIC %s (%s)", nic.MAC, link)
}
