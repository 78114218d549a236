package subcmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

func TestRivalOf(t *testing.T) {
	nic := report.CloudLink{Link: "ens5", Keeper: keeperNetworkd}
	managed := report.CloudLink{Link: "ens5", Keeper: keeperNetworkManager}
	primary := report.CloudLink{Link: "ens4", NIC: hostnet.NIC{Primary: true}}
	tests := []struct {
		name, provider, file string
		link                 report.CloudLink
		want                 string
	}{
		{"nobody", "aws", "etc/hostname", nic, ""},
		{"guest agent", "gcp", "etc/systemd/system/multi-user.target.wants/google-guest-agent.service", nic, "google-guest-agent"},
		{"guest agent elsewhere", "aws", "etc/systemd/system/multi-user.target.wants/google-guest-agent.service", nic, ""},
		{"NetworkManager's", "azure", "etc/systemd/system/timers.target.wants/nm-cloud-setup.timer", managed, "nm-cloud-setup"},
		{"NetworkManager's, of a link that it does not keep", "azure", "etc/systemd/system/timers.target.wants/nm-cloud-setup.timer", nic, ""},
		{"Amazon's", "aws", "run/systemd/network/70-ens5.network.d/ec2net_policy_1.conf", nic, "amazon-ec2-net-utils"},
		{"Amazon's, of another link", "aws", "run/systemd/network/70-ens6.network", nic, ""},
		{"SUSE's", "azure", "run/netconfig/cloud/ens5", nic, "cloud-netconfig"},
		{"a cluster's", "aws", "etc/cni/net.d/10-aws.conflist", nic, "AWS VPC CNI"},
		{"a cluster's primary NIC", "aws", "etc/cni/net.d/10-aws.conflist", primary, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, tt.file)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, nil, 0o644))
			assert.Equal(t, tt.want, rivalOf(root, tt.provider, tt.link))
		})
	}
}
