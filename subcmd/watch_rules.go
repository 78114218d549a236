package subcmd

import (
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/state"
)

// routed tells the links whose policy routing is netbrk's matter: those that the
// configuration names, and those that have something of it by the ledger; of
// ifindex 0, whether there is any.
func (d *daemonRun) routed(cfg *config.Config) func(index int, name string) bool {
	wanted, ledger, cloud := cfg.Network.RoutingPolicyRules, state.LookAtRules(d.global.stateDir), state.LookAtCloud(d.global.stateDir)
	return func(index int, name string) bool {
		if index == 0 && !wanted.IsZero() {
			return true
		}
		return wanted.Match(name) || ledger.Has(index) || cloud.Has(index)
	}
}

// reconcileBy returns what has a link looked at: by the path unit, or by a
// oneshot of our own.
func (d *daemonRun) reconcileBy(pending *state.RulesPending) func(index int) error {
	return func(index int) error {
		if err := pending.Put(index); err != nil {
			return err
		}
		d.log.Debug("policy routing is to be looked at", "ifindex", index)
		if d.rules != nil {
			d.rules.Kick()
		}
		return nil
	}
}
