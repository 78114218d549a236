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
