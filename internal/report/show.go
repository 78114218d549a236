package report

import "github.com/netbrk/netbrk/internal/hostnet"

// ShowSchema is the version of ShowDocument, see RulesSchema.
const ShowSchema = 1

// ShowDocument is what `netbrk show --json` prints: of the last four keys the one
// that was asked for.
type ShowDocument struct {
	SchemaVersion int      `json:"schema_version"`
	Provider      string   `json:"provider"`
	SSHKeys       []string `json:"ssh_keys,omitempty"`
	// Text is the document, pkcs7, signature or rsa2048 as it came.
	Text        string               `json:"text,omitempty"`
	Project     *hostnet.Project     `json:"project,omitempty"`
	Credentials *hostnet.Credentials `json:"credentials,omitempty"`
}
