package aws

import (
	"net/netip"
	"slices"
	"strings"
)

// Paths below the base. The trailing slash makes a directory.
const (
	macPath          = "meta-data/mac"
	macsPath         = "meta-data/network/interfaces/macs/"
	publicKeysPath   = "meta-data/public-keys/"
	instanceIDPath   = "meta-data/instance-id"
	hostnamePath     = "meta-data/local-hostname"
	lifecyclePath    = "meta-data/instance-life-cycle"
	namePath         = "meta-data/tags/instance/Name"
	identityPath     = "dynamic/instance-identity/"
	documentPath     = identityPath + "document"
	associationsName = "ipv4-associations/"
)

// maxAssociations bounds the requests for which public address is whose, which
// nothing but a display depends on. An account has five such addresses unless it
// asked for more.
const maxAssociations = 16

// documents are those that EC2 signs, or that are the signature.
func documents() []string { return []string{"document", "pkcs7", "rsa2048", "signature"} }

// instanceKeys are those of facts of the instance.
func instanceKeys() []string {
	paths := []string{hostnamePath, lifecyclePath, namePath, publicKeysPath}
	for _, name := range documents() {
		paths = append(paths, identityPath+name)
	}
	return paths
}

// lines splits a listing, of which "" has none.
func lines(body []byte) []string {
	var found []string
	for line := range strings.Lines(string(body)) {
		if line = strings.TrimSpace(line); line != "" {
			found = append(found, line)
		}
	}
	return found
}

// macNames are the directories of the NICs as the service spells them, without
// the slash that older services leave out.
func (a Answers) macNames() []string {
	names := lines(a.Bodies[macsPath])
	for i, name := range names {
		names[i] = strings.TrimSuffix(name, "/")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// directories are the listings of the NICs' keys. What is no MAC is not asked
// for: Parse refuses the whole list.
func (a Answers) directories() []string {
	var paths []string
	for _, name := range a.macNames() {
		if _, ok := parseMAC(name); ok {
			paths = append(paths, macsPath+name+"/")
		}
	}
	return paths
}

// listed are the keys in a NIC's directory.
func (a Answers) listed(name string) []string { return lines(a.Bodies[macsPath+name+"/"]) }

func (a Answers) isPrimary(name string) bool {
	mac, ok := parseMAC(name)
	primary, okPrimary := parseMAC(strings.TrimSpace(string(a.Bodies[macPath])))
	return ok && okPrimary && mac == primary
}

// nicKeys are the keys that are used and are there. Of the primary NIC, device
// and card are 0 without asking.
func (a Answers) nicKeys() []string {
	used := []string{"interface-id", "local-ipv4s", "subnet-ipv4-cidr-block", "ipv4-prefix", "ipv6s", "subnet-ipv6-cidr-blocks", "ipv6-prefix"}
	var paths []string
	for _, name := range a.macNames() {
		keys := used
		if !a.isPrimary(name) {
			// The documentation says network-card-index, what is seen is network-card.
			keys = append([]string{"device-number", "network-card", "network-card-index"}, used...)
		}
		listed := a.listed(name)
		for _, key := range keys {
			if slices.Contains(listed, key) {
				paths = append(paths, macsPath+name+"/"+key)
			}
		}
	}
	return paths
}

// associationLists are the listings of public addresses.
func (a Answers) associationLists() []string {
	var paths []string
	for _, name := range a.macNames() {
		if slices.Contains(a.listed(name), associationsName) {
			paths = append(paths, macsPath+name+"/"+associationsName)
		}
	}
	return paths
}

// furtherKeys are those below the listings of associationLists and instanceKeys.
func (a Answers) furtherKeys() []string {
	var paths []string
	for _, name := range a.macNames() {
		dir := macsPath + name + "/"
		// Where there is one address, whose the public one is needs no asking.
		if len(lines(a.Bodies[dir+"local-ipv4s"])) < 2 {
			continue
		}
		for _, public := range lines(a.Bodies[dir+associationsName]) {
			// What else a listing may name is not for us to ask for.
			if _, err := netip.ParseAddr(public); err == nil {
				paths = append(paths, dir+associationsName+public)
			}
		}
	}
	paths = paths[:min(len(paths), maxAssociations)]
	for _, number := range a.keyNumbers() {
		paths = append(paths, publicKeysPath+number+"/openssh-key")
	}
	if _, ok := parseDocument(a.Bodies[documentPath]); !ok {
		paths = append(paths, instanceIDPath)
	}
	return paths
}

// keyNumbers are the directories of the SSH keys, which are listed as "0=name".
func (a Answers) keyNumbers() []string {
	var numbers []string
	for _, line := range lines(a.Bodies[publicKeysPath]) {
		number, _, _ := strings.Cut(strings.TrimSuffix(line, "/"), "=")
		if number != "" && strings.Trim(number, "0123456789") == "" {
			numbers = append(numbers, number)
		}
	}
	return numbers
}
