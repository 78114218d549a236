//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// status is what a user without any right is told, and the exit status.
func (s script) status(part string) (doc report.Status, exit string) {
	s.Helper()
	out := s.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", "netbrk status "+part+" --json; echo $?")
	text, exit, found := strings.Cut(out, "\n")
	require.True(s, found, out)
	require.NoError(s, json.Unmarshal([]byte(text), &doc), text)
	return doc, exit
}

// wrong waits until status tells of as many reasons, and returns them.
func (s script) wrong(want int) []report.Reason {
	s.Helper()
	var doc report.Status
	for {
		exit := ""
		if doc, exit = s.status(""); len(doc.Health.Reasons) == want {
			assert.Equal(s, want > 0, exit == "3", exit)
			return doc.Health.Reasons
		}
		select {
		case <-s.ctx.Done():
			require.Len(s, doc.Health.Reasons, want, "%+v", doc)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// testStatus breaks what units do and types what it is told to.
func testStatus(t *testing.T, w *World) {
	s := on(t, w)
	w.Attach(t, Link{Name: "ens30", MAC: "02:00:00:00:30:01"})
	s.configured("ens30")
	s.idle()
	assert.Empty(t, s.wrong(0))
	doc, exit := s.status("")
	assert.Equal(t, "0", exit)
	assert.Empty(t, doc.Notes, "all can be seen by anybody")
	require.NotNil(t, doc.Watcher.Running)
	assert.True(t, *doc.Watcher.Running)
	assert.Equal(t, s.property("netbrk-watch.service", "MainPID"), strconv.Itoa(doc.Watcher.PID))
	i := slices.IndexFunc(doc.Links, func(l report.LinkStatus) bool { return l.Link == "ens30" })
	require.GreaterOrEqual(t, i, 0)
	assert.Equal(t, "configured", doc.Links[i].States[hostnet.AdministrativeState], "networkd's word")
	assert.NotEmpty(t, doc.Links[i].Addresses)
	assert.True(t, slices.ContainsFunc(doc.Units, func(u report.UnitStatus) bool {
		return u == report.UnitStatus{Unit: "netbrk-hooks.path", Load: "loaded", Active: "active", Sub: "waiting"}
	}), "%v", doc.Units)

	for _, unit := range []string{"netbrk-hooks.path", "netbrk-rules.path", "netbrk-watch.service"} {
		s.run("systemctl", "stop", unit)
		reasons := s.wrong(1)
		assert.Contains(t, reasons[0].What, " is not ", unit)
		assert.True(t, strings.HasPrefix(reasons[0].Hint, "systemctl start netbrk"), reasons[0].Hint)
		s.run("sh", "-c", reasons[0].Hint)
		assert.Empty(t, s.wrong(0), unit)
	}

	// systemd tells when a timer elapses once its service has ended.
	s.run("systemctl", "start", "netbrk-cloud-sync.timer")
	for doc.Cloud.Next.IsZero() && s.ctx.Err() == nil {
		doc, _ = s.status("cloud")
	}
	assert.WithinDuration(t, time.Now().Add(5*time.Minute), doc.Cloud.Next, 2*time.Minute)
	s.run("systemctl", "stop", "netbrk-cloud-sync.timer")
	s.clear()
}
