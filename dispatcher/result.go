package dispatcher

import (
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Job is one script to run for one event.
type Job struct {
	Hook  Hook
	Event hostnet.Event
	// Link is the name that the script is told, empty for none.
	Link string
	// Env is the whole environment, see Environ.
	Env []string
	// Started, unless nil, is called once the script runs.
	Started func()
}

// Result is what became of one script. How it ended is told by ExitStatus or
// Signal; neither is there for a script that did not start.
type Result struct {
	// Hook is the script's path, Name its last component, Directory the hook
	// directory, such as "routable.d".
	Hook      string `json:"hook"`
	Name      string `json:"name"`
	Directory string `json:"directory"`
	// Link and Index are the link's, "" and 0 for an event about none.
	Link  string `json:"link,omitempty"`
	Index int    `json:"ifindex"`
	// EventID and Seq are those of the event.
	EventID string `json:"event_id,omitempty"`
	Seq     uint64 `json:"seq"`
	// Start is when the script was started, Duration how long it took.
	Start    time.Time     `json:"start"`
	Duration time.Duration `json:"duration_ns"`
	// ExitStatus is that of a script that ended by itself.
	ExitStatus *int `json:"exit_status,omitempty"`
	// Signal is the name of the one that ended the script, such as "SIGKILL": by
	// us after a timeout, or by the kernel for lack of memory.
	Signal string `json:"signal,omitempty"`
	// TimedOut is true where the script was told to end because it took too long.
	TimedOut bool `json:"timed_out,omitempty"`
	// Interrupted is true where it was told to end, or was not started, because
	// netbrk itself was: the event is not handled yet.
	Interrupted bool `json:"interrupted,omitempty"`
	// Vanished is true for a script that was removed before it could start.
	Vanished bool `json:"vanished,omitempty"`
	// Error says why the script could not be started or ended.
	Error string `json:"error,omitempty"`
	// Output is the end of what it wrote to stdout and stderr, at most 4 KiB,
	// bytes that are not UTF-8 replaced by "?". OutputBytes counts all of it.
	Output      string `json:"output,omitempty"`
	OutputBytes int64  `json:"output_bytes"`
}

// Failed reports whether the script's owner should look at it: it did not start,
// did not end by itself in time, or not with status 0. One that its owner
// removed meanwhile, or that we interrupted, has not failed.
func (r Result) Failed() bool {
	if r.Vanished || r.Interrupted {
		return false
	}
	return r.Error != "" || r.TimedOut || r.Signal != "" || r.ExitStatus == nil || *r.ExitStatus != 0
}

// Reason says in a few words why a run failed.
func (r Result) Reason() string {
	switch {
	case r.TimedOut:
		return "ended after its timeout"
	case r.Error != "":
		return r.Error
	case r.Signal != "":
		return "ended by " + r.Signal
	case r.ExitStatus != nil:
		return "exit status " + strconv.Itoa(*r.ExitStatus)
	}
	return "did not start"
}

func newResult(job Job, start time.Time) Result {
	return Result{
		Hook:      job.Hook.Path,
		Name:      job.Hook.Name,
		Directory: job.Hook.Directory,
		Link:      job.Link,
		Index:     job.Event.Index,
		EventID:   job.Event.ID,
		Seq:       job.Event.Seq,
		Start:     start,
	}
}

func (r *Result) setStatus(status syscall.WaitStatus) {
	if status.Signaled() {
		r.Signal = unix.SignalName(status.Signal())
		return
	}
	code := status.ExitStatus()
	r.ExitStatus = &code
}
