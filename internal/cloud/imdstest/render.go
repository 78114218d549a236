package imdstest

import (
	"net/http"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Answer is what a cloud's service says to one request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// render is one cloud's service: it checks the request as strictly as the cloud
// does and answers from what is to be told. Each is in a file of its own.
type render func(told hostnet.Metadata, r *http.Request) Answer
