package dispatcher

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// swapped makes a hook that is a symbolic link to a good script, and an evil one in
// a directory that everybody may write to. The link is turned from one to the other
// by a rename, in one step as an attacker would.
func swapped(t *testing.T) (r tree, finder Finder, turn func(target string)) {
	t.Helper()
	r = newTree(t)
	r.file("usr/good", "#!/bin/sh\necho good\n", 0o755)
	r.file("tmp/evil", "#!/bin/sh\necho evil\n", 0o755)
	r.dir("tmp", 0o777)
	r.link("etc/routable.d/10-x", "../../usr/good")
	finder = Finder{Roots: []string{r.at("etc")}, Trust: r.trust()}
	turn = func(target string) {
		next := r.at("etc/next")
		assert.NoError(t, os.Symlink(target, next))
		assert.NoError(t, os.Rename(next, r.at("etc/routable.d/10-x")))
	}
	return r, finder, turn
}

// TestRenamedAfterTheCheck is Nimbuspwn's CVE-2022-29800: between the look at a
// script and its start, its name leads elsewhere. What was looked at is what runs.
func TestRenamedAfterTheCheck(t *testing.T) {
	r, finder, turn := swapped(t)
	plan, err := finder.Find("routable.d", "eth0")
	require.NoError(t, err)
	require.Len(t, plan.Hooks, 1)

	turn(r.at("tmp/evil"))
	got := newWorkbench(t).runner.Run(t.Context(), Job{Hook: plan.Hooks[0]})
	assert.Equal(t, "good\n", got.Output)
	assert.Equal(t, r.at("etc/routable.d/10-x"), got.Hook)

	plan, err = finder.Find("routable.d", "eth0")
	require.NoError(t, err)
	assert.Empty(t, plan.Hooks)
	require.Len(t, plan.Refused, 1)
	assert.Contains(t, plan.Refused[0].Why, "is writable by group and others")
}

// TestRenamedDuringTheCheck turns the name back and forth while it is looked at: the
// answer is the good script or a refusal.
func TestRenamedDuringTheCheck(t *testing.T) {
	r, finder, turn := swapped(t)
	stop, ended := make(chan struct{}), make(chan int)
	go func() {
		turns := 0
		for ; ; turns++ {
			select {
			case <-stop:
				ended <- turns
				return
			default:
				turn([]string{r.at("tmp/evil"), "../../usr/good"}[turns%2])
			}
		}
	}()
	found, refused := 0, 0
	for looks := 0; (found == 0 || refused == 0 || looks < 2000) && looks < 100_000; looks++ {
		plan, err := finder.Find("routable.d", "eth0")
		if !assert.NoError(t, err) {
			break
		}
		for _, hook := range plan.Hooks {
			assert.Equal(t, r.at("usr/good"), hook.Target)
		}
		found, refused = found+len(plan.Hooks), refused+len(plan.Refused)
	}
	close(stop)
	assert.Positive(t, <-ended)
	assert.Positive(t, found, "the good one was never seen")
	assert.Positive(t, refused, "the evil one was never seen")
}

// TestDirectoriesAreNotOfMessages is CVE-2022-29799: no word of a message leads out
// of the hook directories, whatever lies there.
func TestDirectoriesAreNotOfMessages(t *testing.T) {
	r := newTree(t)
	evil := r.script("tmp/evil.d/10-x")
	finder := Finder{Roots: []string{r.at("etc")}, Trust: r.trust()}
	r.dir("etc/routable.d", 0o755)
	for _, state := range []string{"../tmp/evil", "routable.d/../../tmp/evil", filepath.Dir(evil), "../../../../../../tmp/evil", "."} {
		for _, directory := range []string{state, state + ".d"} {
			plan, err := finder.Find(directory, "eth0")
			assert.ErrorContains(t, err, "is not a hook directory", "%q", directory)
			assert.Empty(t, plan.Hooks)
		}
	}
	for _, link := range []string{"../../tmp/evil.d", "..", "/"} {
		plan, err := finder.Find("routable.d", link)
		assert.ErrorContains(t, err, "is not the name of a link", "%q", link)
		assert.Empty(t, plan.Hooks)
	}
}
