package alibaba

import (
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
)

const (
	rootKey   = "meta-data/"
	macKey    = rootKey + "mac"
	macsKey   = rootKey + "network/interfaces/macs/"
	sshKeyDir = rootKey + "public-keys/"
)

// entries are the names that a directory lists, without the slash that ends
// those of directories.
func entries(a cloud.Answers, directory string) []string {
	names := cloud.ParseLines(a.Text(directory))
	for i := range names {
		names[i] = strings.TrimSuffix(names[i], "/")
	}
	return cloud.ParseLines(strings.Join(names, "\n")) // "a" and "a/" are one
}

// nicDirectories are those of the NICs; whole says that each line was one.
func nicDirectories(a cloud.Answers) (directories []string, whole bool) {
	whole = true
	for _, name := range entries(a, macsKey) {
		if _, err := cloud.ParseMAC(name); err != nil {
			whole = false
			continue
		}
		directories = append(directories, macsKey+name+"/")
	}
	return directories, whole
}

// nicKeys are the listed keys of a NIC that are used. The netmask is needed where
// the subnet is not told.
func nicKeys(a cloud.Answers, directory string) []string {
	listed := entries(a, directory)
	used := []string{
		"network-interface-id", "primary-ip-address", "private-ipv4s", "ipv4-prefixes", "gateway", "vswitch-cidr-block",
		"ipv6s", "ipv6-prefixes", "ipv6-gateway", "vswitch-ipv6-cidr-block",
	}
	if !slices.Contains(listed, "vswitch-cidr-block") {
		used = append(used, "netmask")
	}
	return slices.DeleteFunc(used, func(name string) bool { return !slices.Contains(listed, name) })
}

// factKeys are the listed keys of the facts that are shown.
func factKeys(a cloud.Answers) []string {
	var keys []string
	listed := entries(a, rootKey)
	for _, name := range []string{
		"instance-id", "hostname", "image-id", "region-id", "zone-id", "owner-account-id", "eipv4", "public-ipv4",
		"instance/instance-name", "instance/instance-type", "public-keys/",
	} {
		if top, _, _ := strings.Cut(name, "/"); slices.Contains(listed, top) {
			keys = append(keys, rootKey+name)
		}
	}
	return keys
}

// sshKeyKeys are those of the public SSH keys, whose list has lines such as 0/ or
// 0=name. What would not stay below the directory is no key.
func sshKeyKeys(a cloud.Answers) []string {
	var keys []string
	for _, name := range entries(a, sshKeyDir) {
		name, _, _ = strings.Cut(name, "=")
		if name == "" || name != cloud.ParseFact(name) || strings.ContainsAny(name, "/?#% ") || strings.HasPrefix(name, ".") {
			continue
		}
		keys = append(keys, sshKeyDir+name+"/openssh-key")
	}
	return keys
}
