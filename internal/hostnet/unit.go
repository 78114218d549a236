package hostnet

import "errors"

// ErrUnitRefused says that systemd has no job for a unit: it is not installed, is
// masked, or the host is shutting down. Asked again it says so again.
var ErrUnitRefused = errors.New("systemd refuses the unit")

// UnitState is a unit in systemd's words, see systemctl(1).
type UnitState struct {
	Name string
	// Load is "loaded", "not-found", "masked" and the like.
	Load string
	// Active is "active", "inactive", "failed", "activating"…, Sub says it more
	// precisely for the kind of unit.
	Active, Sub string
}
