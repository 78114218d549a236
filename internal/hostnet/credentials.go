package hostnet

import (
	"log/slog"
	"time"
)

// Credentials are those of EC2 for the role of an instance. The keys of the JSON
// are EC2's own, and those that the older tool handed out. They are asked for when
// somebody wants them, and never kept.
type Credentials struct {
	// Role is empty where no role is attached: then they are those of the
	// instance's identity, which EC2's own agents use.
	Role        string    `json:"Role,omitempty"`
	Code        string    `json:"Code"`
	LastUpdated time.Time `json:"LastUpdated,omitzero"`
	Type        string    `json:"Type"`
	AccessKeyID string    `json:"AccessKeyId"`
	SecretKey   Secret    `json:"SecretAccessKey"`
	Token       Secret    `json:"Token"`
	Expiration  time.Time `json:"Expiration,omitzero"`
}

// Secret is a text that gets neither into a log nor into an error by mistake.
// JSON has it as it is, and so does Reveal.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String stands for the text wherever one is formatted.
func (Secret) String() string { return "(secret)" }

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue is what a log gets.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
