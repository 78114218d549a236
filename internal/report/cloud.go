package report

import (
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// CloudSchema is the version of the documents about the cloud, see RulesSchema.
const CloudSchema = 1

// CloudDocument is what `netbrk cloud-sync --json` prints.
type CloudDocument struct {
	SchemaVersion int         `json:"schema_version"`
	DryRun        bool        `json:"dry_run"`
	Provider      string      `json:"provider"`
	Why           string      `json:"why"`
	Links         []CloudLink `json:"links"`
	Steps         []string    `json:"steps"`
	Problems      []string    `json:"problems"`
}

// CloudLink is a link that is a NIC of the metadata: the file
// cloud/links/<ifindex>.json, and a link of CloudDocument.
type CloudLink struct {
	Index int    `json:"ifindex"`
	Link  string `json:"link"`
	// InstanceID and BootID say of which instance and boot it was told. What was
	// told of another one is forgotten.
	InstanceID string `json:"instance_id"`
	BootID     string `json:"boot_id"`
	// NIC is the last complete answer.
	NIC hostnet.NIC `json:"nic"`
	// Routed is true where the link gets a table and rules because of it.
	Routed bool `json:"routed"`
	// Keeper names who configures the link; empty for nobody.
	Keeper string `json:"keeper,omitempty"`
	// Rival names another agent that configures the NIC, which is left alone.
	Rival string `json:"rival,omitempty"`
}

// CloudSync is what became of the last sync: the file cloud/sync.json.
type CloudSync struct {
	// Provider is a cloud or "none", Why what it was told by.
	Provider string `json:"provider"`
	Why      string `json:"why"`
	// Outcome is "done", "partial", "not ready", "failed", "none" or "flushed".
	Outcome    string   `json:"outcome"`
	InstanceID string   `json:"instance_id,omitempty"`
	Problems   []string `json:"problems,omitempty"`
	// Missing tells the NICs, by MAC, that have a link and that the metadata does
	// not list any more, and since when.
	Missing map[string]time.Time `json:"missing,omitempty"`
	// MissingUp tells the same by a clock that nobody sets, in seconds since the boot.
	MissingUp map[string]float64 `json:"missing_up,omitempty"`
	// Changed is when this last was another one; a sync that finds all as it was
	// writes nothing.
	Changed time.Time `json:"changed"`
}
