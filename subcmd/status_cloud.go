package subcmd

import (
	"context"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/health"
	"github.com/netbrk/netbrk/state"
)

func (l *statusLook) lookAtCloud(context.Context) {
	store := state.LookAtCloud(l.global.stateDir)
	c := &health.Cloud{Sync: store.Sync(), LastSync: store.LastSync(), Next: l.next, Every: l.cfg.System.RefreshTimer, System: store.System()}
	if c.Sync.Provider == "" {
		found := cloud.Detect("/", l.cfg.Cloud.Provider)
		c.Provider, c.Why = found.Provider, found.Why
	}
	links, err := store.Links()
	if err != nil {
		l.note("what the cloud told is not known", err)
	}
	boot := bootID()
	for _, index := range sortedKeys(links) {
		if links[index].BootID == boot {
			c.NICs = append(c.NICs, links[index])
		}
	}
	l.facts.Cloud = c
}
