package hostnet

import "errors"

// ErrUnitRefused says that systemd has no job for a unit: it is not installed, is
// masked, or the host is shutting down. Asked again it says so again.
var ErrUnitRefused = errors.New("systemd refuses the unit")
