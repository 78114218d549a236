package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestForeign(t *testing.T) {
	for path, want := range map[string]bool{
		"/sys/fs/cgroup/netbrk-e2e-1":              false,
		"/sys/fs/cgroup/systemd/netbrk-e2e-1":      false,
		"/sys/fs/cgroup/system.slice":              true,
		"/sys/fs/cgroup/netbrk-e2e-1/..":           true,
		"/sys/fs/cgroup/../../../etc/netbrk-e2e-1": true,
		"/etc/netbrk-e2e-1":                        true,
		"netbrk-e2e-1":                             true,
	} {
		assert.Equal(t, want, foreign(path), path)
	}
}

func TestOf(t *testing.T) {
	run := func(link, directory string) Ran {
		return Ran{Directory: directory, Env: map[string]string{"LINK": link}}
	}
	runs := []Ran{
		run("ens4", "routable.d"), run("ens5", "routable.d"), run("ens4", "addresses.d"), run("", "rules.d"),
		run("ens4", "no-carrier.d"), run("ens4", "routable.d"),
	}
	assert.Equal(t, []string{"routable.d", "no-carrier.d", "routable.d"}, Of(runs, "ens4", "no-carrier.d", "routable.d"))
	assert.Equal(t, []string{"rules.d"}, Of(runs, "", "rules.d", "routable.d"))
	assert.Empty(t, Of(runs, "ens5", "no-carrier.d"))
}
