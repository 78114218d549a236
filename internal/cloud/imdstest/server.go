package imdstest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Request is one that came in.
type Request struct {
	Method string
	Path   string // with its query
	Remote string // one for each connection
	Status int    // that of the answer, 0 for none
}

// Server is a cloud's metadata service. It may be changed while it serves.
type Server struct {
	cloud  string
	render render
	tokens tokens

	mu       sync.Mutex // guards all that follows
	told     hostnet.Metadata
	faults   []Fault
	hardened bool
	delay    time.Duration
	requests []Request
}

// New returns the service of a cloud that tells of told. It panics if there is
// no such cloud here.
func New(cloud string, told hostnet.Metadata) *Server {
	render := renders()[cloud]
	if render == nil {
		panic(fmt.Sprintf("imdstest: no cloud %q, only %q", cloud, Clouds()))
	}
	return &Server{cloud: cloud, render: render, told: clone(told)}
}

// Clouds lists the names that New takes.
func Clouds() []string { return slices.Sorted(maps.Keys(renders())) }

// Change alters what is told from the next request on.
func (s *Server) Change(change func(told *hostnet.Metadata)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := clone(s.told) // a render may still read the other
	change(&told)
	s.told = told
}

// Script sets the faults, in place of all former ones.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.Clone(faults)
}

// Harden makes a token needed where it is optional.
func (s *Server) Harden() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hardened = true
}

// SetDelay makes each answer that late.
func (s *Server) SetDelay(delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = delay
}

// RevokeTokens makes all session tokens bad.
func (s *Server) RevokeTokens() { s.tokens.revoke() }

// Requests returns those that came in so far, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Forget empties the list of requests.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// ServeHTTP answers a request, or does not, as the script says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, delay := s.arrived(r)
	wait(r, delay)
	answer, fault := s.decide(r)
	if fault != nil {
		var ok bool
		if answer, ok = fault.answer(answer); !ok {
			fault.breakOff(w, r, answer)
			return
		}
	}
	s.answered(n, answer.Status)
	send(w, answer)
}

// decide returns the honest answer and the fault that hits it, if one does.
func (s *Server) decide(r *http.Request) (Answer, *Fault) {
	s.mu.Lock()
	told, hardened, fault := s.told, s.hardened, s.fault(r.URL.Path)
	s.mu.Unlock()
	// Those that forward requests for others add it, and every cloud refuses it.
	if len(r.Header.Values("X-Forwarded-For")) > 0 {
		return status(http.StatusForbidden), fault
	}
	if fault != nil && fault.Kind != Replace && fault.Kind != Cut && fault.Kind != Anonymous {
		return Answer{}, fault
	}
	if rule, ok := tokenRules()[s.cloud]; ok {
		if answer, ok := s.tokens.check(rule, hardened, r); !ok {
			return answer, fault
		}
	}
	if r.Method != http.MethodGet {
		return status(http.StatusMethodNotAllowed), fault
	}
	return s.render(told, r), fault
}

// fault returns the first that hits path and counts it. s.mu is held.
func (s *Server) fault(path string) *Fault {
	for i, f := range s.faults {
		if !f.hits(path) {
			continue
		}
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		} else if f.Times > 1 {
			s.faults[i].Times--
		}
		return &f
	}
	return nil
}

func (s *Server) arrived(r *http.Request) (n int, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.RequestURI(), Remote: r.RemoteAddr})
	return len(s.requests) - 1, s.delay
}

func (s *Server) answered(n, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < len(s.requests) { // or Forget came between
		s.requests[n].Status = status
	}
}

func wait(r *http.Request, delay time.Duration) {
	if delay == 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// send writes an answer. The type is plain text unless it says otherwise.
func send(w http.ResponseWriter, answer Answer) {
	w.Header().Set("Content-Type", "text/plain")
	maps.Copy(w.Header(), answer.Header)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer.Body)))
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body) // the client may have gone
}

// status is an answer of a status alone, with a page as services have them.
func status(code int) Answer {
	page := fmt.Sprintf("<?xml version=\"1.0\"?>\n<html><head><title>%d</title></head><body>%s</body></html>\n", code, http.StatusText(code))
	return Answer{Status: code, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(page)}
}

// clone copies what Change may alter in place.
func clone(told hostnet.Metadata) hostnet.Metadata {
	told.NICs = slices.Clone(told.NICs)
	for i := range told.NICs {
		nic := &told.NICs[i]
		nic.Addresses, nic.Ranges = slices.Clone(nic.Addresses), slices.Clone(nic.Ranges)
		nic.Subnets, nic.Routes = slices.Clone(nic.Subnets), slices.Clone(nic.Routes)
	}
	told.System.SSHKeys, told.System.Details = slices.Clone(told.System.SSHKeys), slices.Clone(told.System.Details)
	if p := told.System.Project; p != nil {
		project := *p
		project.Attributes, project.Scopes = slices.Clone(p.Attributes), slices.Clone(p.Scopes)
		told.System.Project = &project
	}
	told.Documents = maps.Clone(told.Documents)
	return told
}
