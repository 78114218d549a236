package imdstest

import (
	"bytes"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Kind is what goes wrong with a request.
type Kind string

// The kinds of fault.
const (
	NotFound    Kind = "404"
	Forbidden   Kind = "403"
	Gone        Kind = "410"
	TooMany     Kind = "429" // with Fault.RetryAfter
	ServerError Kind = "500"
	Unavailable Kind = "503"       // with Fault.RetryAfter
	Hang        Kind = "hang"      // no answer until the client gives up
	Reset       Kind = "reset"     // the connection ends before an answer
	Cut         Kind = "cut"       // the body ends half-way
	HTML        Kind = "html"      // a portal's page with status 200
	Redirect    Kind = "redirect"  // to another server
	Oversize    Kind = "oversize"  // 2 MiB
	Replace     Kind = "replace"   // Fault.Body with status 200: "0" as device-number, or nothing
	Anonymous   Kind = "anonymous" // without the header that identifies the service
)

// Fault makes requests go wrong. The first one that fits a request is its fault.
type Fault struct {
	// Path is the request's path, in which "*" stands for any text, "/" included.
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	// Times is how many requests it hits; 0 is all.
	Times int `json:"times,omitempty"`
	// Until is when it ends; zero is never.
	Until time.Time `json:"until,omitzero"`
	// RetryAfter is the value of that header, for TooMany and Unavailable.
	RetryAfter string `json:"retry_after,omitempty"`
	// Body is that of Replace.
	Body string `json:"body,omitempty"`
}

func (f Fault) hits(path string) bool {
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(f.Path), `\*`, ".*") + "$"
	ok, err := regexp.MatchString(pattern, path)
	return err == nil && ok && (f.Until.IsZero() || time.Now().Before(f.Until))
}

// answer is the fault as an answer, made of the one without it; ok is false for
// a kind that is none.
func (f Fault) answer(right Answer) (wrong Answer, ok bool) {
	if code, err := strconv.Atoi(string(f.Kind)); err == nil {
		wrong = status(code)
		if f.RetryAfter != "" {
			wrong.Header.Set("Retry-After", f.RetryAfter)
		}
		return wrong, true
	}
	switch f.Kind {
	case HTML:
		return Answer{http.StatusOK, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, []byte("<!DOCTYPE html>\n<title>Sign in</title>")}, true
	case Redirect:
		return Answer{http.StatusFound, http.Header{"Location": {"http://192.0.2.1/login"}}, nil}, true
	case Oversize:
		return Answer{http.StatusOK, right.Header, bytes.Repeat([]byte("x"), 2<<20)}, true
	case Replace:
		return Answer{http.StatusOK, right.Header, []byte(f.Body)}, true
	case Anonymous:
		return Answer{right.Status, nil, right.Body}, true
	}
	return right, false
}

// breakOff does what no answer can: it waits, or ends the connection.
func (f Fault) breakOff(w http.ResponseWriter, r *http.Request, right Answer) {
	if f.Kind == Hang {
		<-r.Context().Done()
		return
	}
	conn, out, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok && f.Kind == Reset {
		_ = tcp.SetLinger(0) // a reset in place of an orderly end
	}
	if f.Kind == Cut {
		_, _ = out.WriteString("HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(right.Body)+1) + "\r\n\r\n")
		_, _ = out.Write(right.Body[:len(right.Body)/2])
		_ = out.Flush()
	}
}
