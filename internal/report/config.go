package report

// ConfigSchema is the version of ConfigDocument, see RulesSchema.
const ConfigSchema = 1

// ConfigDocument is what `netbrk config show --json` prints.
type ConfigDocument struct {
	SchemaVersion int `json:"schema_version"`
	// Files were read, in this order: a later one overrides.
	Files    []string        `json:"files"`
	Settings []ConfigSetting `json:"settings"`
}

// ConfigSetting is a key with the value that counts.
type ConfigSetting struct {
	Section string `json:"section"`
	Key     string `json:"key"`
	// Value is a string, boolean, number or list of strings, as in a file.
	Value any `json:"value"`
	// Source is "FILE:LINE", or "default".
	Source string `json:"source"`
}
