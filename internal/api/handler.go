package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// answerTime bounds what a Source may take for one request.
const answerTime = 15 * time.Second

// Source knows what there is to tell. Its methods are called by several
// goroutines at once; an error may be a *Problem.
type Source interface {
	// Status looks at the named parts, report.PartLinks and its like, or at all.
	Status(ctx context.Context, parts ...string) (report.Status, error)
	// Metrics is the whole of it in Prometheus' exposition format.
	Metrics(ctx context.Context) ([]byte, error)
	// Identity returns a document by which EC2 vouches for the instance, as it came.
	Identity(ctx context.Context, name string) ([]byte, error)
	// Credentials asks the metadata service for them, if the configuration lets it.
	Credentials(ctx context.Context) (hostnet.Credentials, error)
}

// handler answers requests.
type handler struct {
	source Source
	log    *slog.Logger
	routes map[string]route
}

func newHandler(source Source, log *slog.Logger) *handler {
	h := &handler{source: source, log: log, routes: map[string]route{}}
	for _, r := range routes() {
		h.routes[r.path] = r
	}
	return h
}

// ServeHTTP answers one request. Who may not ask is not told what there is.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	if p := check(r); p != nil {
		// What else this client has sent, or will, is not for us.
		w.Header().Set("Connection", "close")
		h.refuse(w, r, p)
		return
	}
	route, ok := h.routes[r.URL.Path]
	if !ok {
		h.refuse(w, r, &Problem{Status: http.StatusNotFound, What: "there is no such path", Hint: openAPIPath + " lists the paths"})
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.refuse(w, r, &Problem{Status: http.StatusMethodNotAllowed, What: "nothing can be changed here", Hint: "ask with GET or HEAD"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	body, err := route.answer(ctx, h.source)
	if err != nil {
		h.refuse(w, r, problemOf(err))
		return
	}
	h.log.Debug("answered", "method", r.Method, "path", route.path, "bytes", len(body))
	write(w, http.StatusOK, route.media, body)
}

func (h *handler) refuse(w http.ResponseWriter, r *http.Request, p *Problem) {
	level := slog.LevelDebug
	if p.Status == http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	h.log.Log(r.Context(), level, "refused", "method", r.Method, "path", r.URL.Path, "status", p.Status, "err", p)
	write(w, p.Status, mediaJSON, encode(p))
}

// write sends the whole body; net/http leaves it out of an answer to HEAD.
func write(w http.ResponseWriter, status int, media string, body []byte) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is none of our business
}

// encode returns a document of ours as a line of JSON.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // they hold nothing that has no JSON
	}
	return append(body, '\n')
}
