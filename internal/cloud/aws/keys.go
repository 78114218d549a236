package aws

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
)

// Keys below the base. A directory ends in a slash.
const (
	macKey          = "meta-data/mac"
	macsKey         = "meta-data/network/interfaces/macs/"
	instanceIDKey   = "meta-data/instance-id"
	hostnameKey     = "meta-data/local-hostname"
	lifecycleKey    = "meta-data/instance-life-cycle"
	nameKey         = "meta-data/tags/instance/Name"
	sshKeyDir       = "meta-data/public-keys/"
	identityDir     = "dynamic/instance-identity/"
	documentKey     = identityDir + "document"
	associationsDir = "ipv4-associations/"
)

// maxAssociations bounds the requests for which public address is whose, which
// nothing but a display depends on. An account has five such addresses unless it
// asked for more.
const maxAssociations = 16

// documents are those that EC2 signs, or that are the signature.
func documents() []string { return []string{"document", "pkcs7", "rsa2048", "signature"} }

// factKeys are those of facts of the instance.
func factKeys() []string {
	keys := []string{hostnameKey, lifecycleKey, nameKey, sshKeyDir}
	for _, name := range documents() {
		keys = append(keys, identityDir+name)
	}
	return keys
}

// lines are those of a list, each once.
func lines(a cloud.Answers, key string) []string { return cloud.ParseLines(a.Text(key)) }

// lists reports whether a directory has the key, so that asking is of use.
func lists(a cloud.Answers, directory, name string) bool {
	return slices.Contains(lines(a, directory), name)
}

// nicDirectories are those of the NICs, in order of their MAC. A line that is no
// MAC makes the whole list doubtful, since a NIC that is left out is taken for
// one that was detached.
func nicDirectories(a cloud.Answers) ([]string, error) {
	var directories []string
	for _, line := range lines(a, macsKey) {
		name := strings.TrimSuffix(line, "/") // older services have none
		if _, err := cloud.ParseMAC(name); err != nil {
			return nil, fmt.Errorf("reading %q: %w: %w", macsKey, cloud.ErrRefused, err)
		}
		directories = append(directories, macsKey+name+"/")
	}
	slices.Sort(directories)
	directories = slices.Compact(directories)
	if len(directories) > cloud.MaxNICs { // each of them makes requests
		return nil, fmt.Errorf("reading %q: %w: more than %d NICs are listed", macsKey, cloud.ErrRefused, cloud.MaxNICs)
	}
	return directories, nil
}

// directoryMAC is the MAC that a directory is named after.
func directoryMAC(directory string) string {
	mac, _ := cloud.ParseMAC(strings.TrimSuffix(strings.TrimPrefix(directory, macsKey), "/")) // nicDirectories has seen to it
	return mac
}

func isPrimary(a cloud.Answers, directory string) bool {
	primary, err := cloud.ParseMAC(a.Text(macKey))
	return err == nil && directoryMAC(directory) == primary
}

// nicKeys are the listed keys of a NIC that are used. Of the primary NIC, device
// and card are 0 without asking.
func nicKeys(a cloud.Answers, directory string) []string {
	listed := lines(a, directory)
	used := []string{
		"interface-id", "local-ipv4s", "subnet-ipv4-cidr-block", "ipv4-prefix",
		"ipv6s", "subnet-ipv6-cidr-blocks", "ipv6-prefix",
	}
	if !isPrimary(a, directory) {
		// The documentation says network-card-index, what is seen is network-card.
		used = append(used, "device-number", "network-card", "network-card-index")
	}
	return slices.DeleteFunc(used, func(name string) bool { return !slices.Contains(listed, name) })
}

// furtherKeys are those below the lists that came with the facts, and the
// instance's id where the identity document does not have it.
func furtherKeys(a cloud.Answers, directories []string) []string {
	var keys []string
	for _, directory := range directories {
		// Where there is one address, whose the public one is needs no asking.
		if len(lines(a, directory+"local-ipv4s")) < 2 {
			continue
		}
		for _, public := range lines(a, directory+associationsDir) {
			// What else a list may name is not for us to ask for.
			if _, err := cloud.ParseAddr(public); err == nil {
				keys = append(keys, directory+associationsDir+public)
			}
		}
	}
	keys = append(keys[:min(len(keys), maxAssociations)], sshKeyKeys(a)...)
	if _, ok := parseDocument(a); !ok {
		keys = append(keys, instanceIDKey)
	}
	return keys
}

// sshKeyKeys are those of the public SSH keys, whose list has lines "0=name".
func sshKeyKeys(a cloud.Answers) []string {
	var keys []string
	for _, line := range lines(a, sshKeyDir) {
		number, _, _ := strings.Cut(strings.TrimSuffix(line, "/"), "=")
		if number != "" && strings.Trim(number, "0123456789") == "" {
			keys = append(keys, sshKeyDir+number+"/openssh-key")
		}
	}
	return keys
}
