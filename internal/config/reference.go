package config

import _ "embed"

// Reference is the netbrk.toml that is installed: every key with its default,
// commented out.
//
//go:embed netbrk.toml
var Reference string
