package state

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// targetsFile is there once all targets were in line with their links, and until
// systemd could not be told of a change.
const targetsFile = "targets.json"

// TargetsSettled reports whether targets are known to be in line with the links
// that a setting of Network.Links selects.
func (h *Hooks) TargetsSettled(links string) bool {
	var settled string
	return readJSON(filepath.Join(h.root, hooksDir, targetsFile), &settled) && settled == links
}

// SettleTargets keeps that they are.
func (h *Hooks) SettleTargets(links string) error {
	raw, err := json.Marshal(links)
	if err != nil {
		return fmt.Errorf("encoding settled links: %w", err)
	}
	return writeIfChanged(filepath.Join(h.root, hooksDir), targetsFile, raw, 0o644)
}

// UnsettleTargets keeps that they are not.
func (h *Hooks) UnsettleTargets() error {
	return ignoreMissing(os.Remove(filepath.Join(h.root, hooksDir, targetsFile)))
}
