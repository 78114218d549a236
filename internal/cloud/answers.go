package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Answers are what a service said of a set of keys. A key that was asked for and
// is in neither map is absent.
type Answers struct {
	Bodies map[string][]byte
	// Failed says why a key could not be had.
	Failed map[string]error
}

// factsTime bounds the wait for what no NIC depends on.
const factsTime = 10 * time.Second

// Need asks for a key without which nothing can be said. The error is that of the
// getter.
func (a *Answers) Need(ctx context.Context, g Getter, key string) error {
	body, err := g.Get(ctx, key)
	a.note(key, body, err)
	return err
}

// AskFacts asks as Ask does, for as long as facts are worth waiting for: the NICs
// are known by then, and must not wait for a key that hangs.
func (a *Answers) AskFacts(ctx context.Context, g Getter, limit int, keys ...string) {
	ctx, cancel := context.WithTimeout(ctx, factsTime)
	defer cancel()
	a.Ask(ctx, g, limit, keys...)
}

// Ask asks for the keys side by side, at most limit at a time, and adds what it
// hears to the answers.
func (a *Answers) Ask(ctx context.Context, g Getter, limit int, keys ...string) {
	var mu sync.Mutex // guards a
	var group errgroup.Group
	group.SetLimit(limit)
	for _, key := range keys {
		group.Go(func() error {
			body, err := g.Get(ctx, key)
			mu.Lock()
			defer mu.Unlock()
			a.note(key, body, err)
			return nil
		})
	}
	_ = group.Wait() // no key's failure ends the others
}

// Err is why there is no answer to a key, nil if there is one.
func (a *Answers) Err(key string) error {
	if a.Has(key) {
		return nil
	}
	return cmp.Or(a.Failed[key], fmt.Errorf("reading metadata %q: %w", key, ErrAbsent))
}

func (a *Answers) note(key string, body []byte, err error) {
	switch {
	case err == nil:
		if a.Bodies == nil {
			a.Bodies = map[string][]byte{}
		}
		a.Bodies[key] = body
	case !errors.Is(err, ErrAbsent):
		if a.Failed == nil {
			a.Failed = map[string]error{}
		}
		a.Failed[key] = err
	}
}

// Text is the body of a key without white space around it, "" for none.
func (a *Answers) Text(key string) string { return strings.TrimSpace(string(a.Bodies[key])) }

// Has reports whether the key was answered.
func (a *Answers) Has(key string) bool { _, ok := a.Bodies[key]; return ok }
