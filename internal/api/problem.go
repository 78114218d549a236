package api

import (
	"errors"
	"net/http"
)

// The statuses of a Source's problems.
const (
	Forbidden   = http.StatusForbidden
	NotFound    = http.StatusNotFound
	Internal    = http.StatusInternalServerError
	BadGateway  = http.StatusBadGateway
	Unavailable = http.StatusServiceUnavailable
)

// Problem is an error that a client is told, as {"error", "hint"}.
type Problem struct {
	Status int    `json:"-"`
	What   string `json:"error"`
	// Hint is what to type or edit, empty where nothing helps.
	Hint string `json:"hint,omitempty"`
}

// Error makes it an error.
func (p *Problem) Error() string { return p.What }

// problemOf returns what the client is told of an error. One that is no Problem is
// ours, and what it says of the host's files may be read by all.
func problemOf(err error) *Problem {
	if p := (*Problem)(nil); errors.As(err, &p) {
		return p
	}
	return &Problem{Status: Internal, What: err.Error(), Hint: "journalctl -u netbrk-api.service"}
}
