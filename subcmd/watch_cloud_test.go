package subcmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/report"
)

func TestMayBeNIC(t *testing.T) {
	sysfs := t.TempDir()
	for _, path := range []string{"ens5/device", "ens6/device", "veth1a2b", "docker0", "ens5.100/lower_ens5", "eth0"} {
		require.NoError(t, os.MkdirAll(filepath.Join(sysfs, path), 0o755))
	}
	card := map[int]report.CloudLink{2: {Link: "ens5"}}
	for _, tt := range []struct {
		name, link string
		known      map[int]report.CloudLink
		want       bool
	}{
		{"a card", "ens6", card, true},
		{"a container's", "veth1a2b", card, false},
		{"a bridge", "docker0", card, false},
		{"a VNIC's VLAN", "ens5.100", card, true},
		{"one that is gone again", "veth9", card, false},
		{"in a container", "veth1a2b", map[int]report.CloudLink{2: {Link: "eth0"}}, true},
		{"the known one is gone", "veth1a2b", map[int]report.CloudLink{2: {Link: "ens9"}}, true},
		{"a name that leads elsewhere", "veth1a2b", map[int]report.CloudLink{2: {Link: "../" + filepath.Base(sysfs) + "/ens5"}}, true},
		{"none is known", "veth1a2b", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, mayBeNIC(sysfs, tt.known, tt.link)) })
	}
}
