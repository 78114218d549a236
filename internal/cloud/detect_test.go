package cloud_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/config"
)

const dmi = "sys/devices/virtual/dmi/id/"

// files are contents by path below the root of a machine.
type files map[string]string

func (f files) write(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range f {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	if _, err := os.Stat(filepath.Join(root, dmi)); err == nil {
		class := filepath.Join(root, "sys/class/dmi")
		require.NoError(t, os.MkdirAll(class, 0o755))
		require.NoError(t, os.Symlink("../../devices/virtual/dmi/id", filepath.Join(class, "id")))
	}
	return root
}

// TestDetect has a row for each rule, and for each that must not be taken for it. There
// is one for every cloud that can be configured.
func TestDetect(t *testing.T) {
	const uuid, swapped = "ec2ae145-d1dc-13b2-94ed-012345abcdef", "45e12aec-dcd1-b213-94ed-012345abcdef"
	noCloud := func(vendor, product string) string {
		return `no known cloud: sys_vendor is "` + vendor + `", product_name is "` + product + `"`
	}
	found := map[string]bool{}
	for _, tt := range []struct {
		name     string
		files    files
		provider string
		why      string
	}{
		{"Nitro", files{dmi + "sys_vendor": "Amazon EC2\n", dmi + "product_name": "m5.large\n"}, "aws", `sys_vendor is "Amazon EC2"`},
		{"Nitro by its firmware", files{dmi + "bios_vendor": "Amazon EC2\n"}, "aws", `bios_vendor is "Amazon EC2"`},
		{"Xen", files{dmi + "sys_vendor": "Xen\n", dmi + "product_name": "HVM domU\n", dmi + "bios_version": "4.2.amazon\n"}, "aws", `bios_version is "4.2.amazon"`},
		{"Xen by its product", files{dmi + "sys_vendor": "Xen\n", dmi + "product_version": "4.11.Amazon\n"}, "aws", `product_version is "4.11.Amazon"`},
		{"paravirtual Xen", files{"sys/hypervisor/uuid": "EC2f58b1-11ad-4b21-a1c1-000000000000\n"}, "aws", `hypervisor/uuid is "EC2f58b1-11ad-4b21-a1c1-000000000000"`},
		{"UUID", files{dmi + "product_uuid": "EC2AE145-D1DC-13B2-94ED-012345ABCDEF\n", dmi + "product_serial": uuid}, "aws", `product_uuid is "EC2AE145-D1DC-13B2-94ED-012345ABCDEF"`},
		{"swapped UUID", files{dmi + "product_uuid": swapped, dmi + "product_serial": uuid}, "aws", `product_uuid is "` + swapped + `"`},
		{"UUID by chance", files{dmi + "sys_vendor": "QEMU", dmi + "product_name": "Standard PC", dmi + "product_uuid": uuid, dmi + "product_serial": "7"}, "none", noCloud("QEMU", "Standard PC")},
		{"UUID of OpenStack by chance", files{dmi + "product_name": "OpenStack Nova", dmi + "product_uuid": uuid, dmi + "product_serial": uuid}, "openstack", `product_name is "OpenStack Nova"`},
		{"Brightbox", files{dmi + "sys_vendor": "Brightbox", dmi + "product_serial": "srv-0a1b.gb1.brightbox.com", "sys/hypervisor/uuid": uuid}, "none", noCloud("Brightbox", "")},
		{"ZStack", files{dmi + "chassis_asset_tag": "www.zstack.io", dmi + "product_uuid": uuid, dmi + "product_serial": uuid}, "none", noCloud("", "")},
		{"e24cloud", files{dmi + "sys_vendor": "e24cloud", dmi + "product_uuid": uuid, dmi + "product_serial": uuid}, "none", noCloud("e24cloud", "")},
		{"Tilaa", files{dmi + "sys_vendor": "Tilaa", dmi + "product_uuid": uuid, dmi + "product_serial": uuid}, "none", noCloud("Tilaa", "")},
		{"Outscale", files{dmi + "sys_vendor": "3DS Outscale", dmi + "product_name": "3DS Outscale VM", dmi + "bios_version": "1.amazon"}, "none", noCloud("3DS Outscale", "3DS Outscale VM")},
		{"Azure", files{dmi + "sys_vendor": "Microsoft Corporation", dmi + "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77\n"}, "azure", `chassis_asset_tag is "7783-7084-3265-9085-8269-3286-77"`},
		{"Hyper-V", files{dmi + "sys_vendor": "Microsoft Corporation", dmi + "product_name": "Virtual Machine", dmi + "chassis_asset_tag": "5555-4444"}, "none", noCloud("Microsoft Corporation", "Virtual Machine")},
		{"GCP", files{dmi + "product_name": "Google Compute Engine\n"}, "gcp", `product_name is "Google Compute Engine"`},
		{"GCP of old", files{dmi + "product_name": "Google\n"}, "gcp", `product_name is "Google"`},
		{"GCP by serial", files{dmi + "product_serial": "GoogleCloud-0A1B\n"}, "gcp", `product_serial is "GoogleCloud-0A1B"`},
		{"Chromebook", files{dmi + "sys_vendor": "Google", dmi + "product_name": "Eve"}, "none", noCloud("Google", "Eve")},
		{"Alibaba", files{dmi + "sys_vendor": "Alibaba Cloud", dmi + "product_name": "Alibaba Cloud ECS\n"}, "alibaba", `product_name is "Alibaba Cloud ECS"`},
		{"Oracle", files{dmi + "sys_vendor": "QEMU", dmi + "chassis_asset_tag": "OracleCloud.com\n"}, "oracle", `chassis_asset_tag is "OracleCloud.com"`},
		{"DigitalOcean", files{dmi + "sys_vendor": "DigitalOcean\n"}, "digitalocean", `sys_vendor is "DigitalOcean"`},
		{"Hetzner", files{dmi + "sys_vendor": "Hetzner\n"}, "hetzner", `sys_vendor is "Hetzner"`},
		{"OpenStack Nova", files{dmi + "product_name": "OpenStack Nova\n"}, "openstack", `product_name is "OpenStack Nova"`},
		{"OpenStack Compute", files{dmi + "product_name": "OpenStack Compute\n"}, "openstack", `product_name is "OpenStack Compute"`},
		{"OpenStack Nova by tag", files{dmi + "chassis_asset_tag": "OpenStack Nova\n"}, "openstack", `chassis_asset_tag is "OpenStack Nova"`},
		{"OpenStack Compute by tag", files{dmi + "chassis_asset_tag": "OpenStack Compute\n"}, "openstack", `chassis_asset_tag is "OpenStack Compute"`},
		{"Open Telekom Cloud", files{dmi + "chassis_asset_tag": "OpenTelekomCloud"}, "openstack", `chassis_asset_tag is "OpenTelekomCloud"`},
		{"SAP Converged Cloud", files{dmi + "chassis_asset_tag": "SAP CCloud VM"}, "openstack", `chassis_asset_tag is "SAP CCloud VM"`},
		{"Huawei", files{dmi + "chassis_asset_tag": "HUAWEICLOUD"}, "openstack", `chassis_asset_tag is "HUAWEICLOUD"`},
		{"Samsung", files{dmi + "chassis_asset_tag": "Samsung Cloud Platform"}, "openstack", `chassis_asset_tag is "Samsung Cloud Platform"`},
		{"part of a name", files{dmi + "sys_vendor": "Hetzner Online"}, "none", noCloud("Hetzner Online", "")},
		{"not set", files{dmi + "sys_vendor": "\xff\xff\xff\xff\n"}, "none", noCloud("", "")},
		{"not printable", files{dmi + "sys_vendor": "Hetz\x1b[1mner"}, "none", noCloud("", "")},
		{"no DMI", files{"etc/hostname": "pi"}, "none", "the machine has no DMI: name the provider in the configuration"},
		{"container", files{dmi + "sys_vendor": "Amazon EC2", "run/systemd/container": "lxc\n"}, "none",
			`in a container (/run/systemd/container is "lxc"), DMI is the host's: name the provider in the configuration`},
		{"container of nspawn", files{dmi + "sys_vendor": "Amazon EC2", "run/host/container-manager": "systemd-nspawn\n"}, "none",
			`in a container (/run/host/container-manager is "systemd-nspawn"), DMI is the host's: name the provider in the configuration`},
		{"container by environment", files{dmi + "sys_vendor": "Hetzner", "proc/1/environ": "PATH=/bin\x00container=oci\x00"}, "none",
			"in a container (container=\"oci\" in the environment of process 1), DMI is the host's: name the provider in the configuration"},
		{"docker", files{dmi + "sys_vendor": "Hetzner", ".dockerenv": ""}, "none",
			"in a container (/.dockerenv is there), DMI is the host's: name the provider in the configuration"},
		{"podman", files{dmi + "sys_vendor": "Hetzner", "run/.containerenv": ""}, "none",
			"in a container (/run/.containerenv is there), DMI is the host's: name the provider in the configuration"},
		{"container of Nova", files{dmi + "sys_vendor": "Supermicro", "proc/1/environ": "container=lxc\x00product_name=OpenStack Nova\x00"}, "openstack",
			`product_name of process 1 is "OpenStack Nova"`},
		{"environment of a machine", files{dmi + "sys_vendor": "Hetzner", "proc/1/environ": "HOME=/\x00TERM=linux\x00"}, "hetzner", `sys_vendor is "Hetzner"`},
	} {
		found[tt.provider] = true
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, cloud.Detection{Provider: tt.provider, Why: tt.why}, cloud.Detect(tt.files.write(t), config.ProviderAuto))
		})
	}
	assert.ElementsMatch(t, append(config.Providers(), config.ProviderNone), slices.Collect(maps.Keys(found)))
}

func TestDetectConfigured(t *testing.T) {
	root := files{dmi + "sys_vendor": "Hetzner", "run/systemd/container": "lxc"}.write(t)
	for _, name := range append(config.Providers(), config.ProviderNone) {
		assert.Equal(t, cloud.Detection{Provider: name, Why: `the configuration says "` + name + `"`}, cloud.Detect(root, name))
	}
	assert.Equal(t, config.ProviderAuto, cloud.Auto)
	assert.Equal(t, config.ProviderNone, cloud.None)
	assert.Equal(t, "none", cloud.Detect(filepath.Join(root, "absent"), "").Provider)
}
