package subcmd

import (
	"context"
	"log/slog"
	"time"

	"github.com/netbrk/netbrk/internal/health"
	"github.com/netbrk/netbrk/state"
)

// secondLook is how long drift must last to be told: what is being mended just now
// is none.
const secondLook = 300 * time.Millisecond

func (l *statusLook) lookAtRules(ctx context.Context) {
	rules := &health.Rules{}
	var err error
	if rules.Records, err = state.LookAtRules(l.global.stateDir).Load(); err != nil {
		l.note("what apply-rules did is not known", err)
	}
	l.facts.Rules = rules
	switch {
	case l.broken:
		l.note("what rules there should be is not known without the configuration", nil)
		return
	case l.kernel == nil:
		l.note("rules are as apply-rules left them: nobody looked at the kernel", nil)
		return
	}
	drift, err := l.drift(ctx)
	if err == nil && len(drift.Steps) > 0 && l.mending() {
		select {
		case <-ctx.Done():
		case <-time.After(secondLook):
			drift, err = l.drift(ctx)
		}
	}
	if err != nil {
		l.note("rules cannot be told", err)
		return
	}
	rules.Now = &drift
}

// mending reports whether somebody may be putting right just now what is missing.
func (l *statusLook) mending() bool {
	watch, queue := state.WatchHolder(l.global.stateDir), state.RulesQueueHolder(l.global.stateDir)
	return watch.Held || queue.Held || !watch.Known || !queue.Known
}

// drift is what the planner of apply-rules says, which changes nothing here.
func (l *statusLook) drift(ctx context.Context) (health.Drift, error) {
	silent := slog.New(slog.DiscardHandler)
	r := rulesRun{
		app: l.app, stateDir: l.global.stateDir, log: silent, cfg: l.cfg, kernel: l.kernel,
		options: rulesOptions(l.cfg, l.global.stateDir, silent),
	}
	r.options.DryRun, r.options.Now = true, l.now
	result, err := r.pass(ctx)
	if err != nil {
		return health.Drift{}, err
	}
	return health.Drift{
		Links: result.Links, Steps: result.Commands(), Problems: result.Problems,
		Wanted: result.Wanted, Missing: result.Missing, Stale: result.Stale,
	}, nil
}
