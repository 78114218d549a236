package subcmd

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// cloudFault is a service that is not right: for good, or for a moment.
type cloudFault struct {
	name   string
	faults []imdstest.Fault
	change func(told *hostnet.Metadata)
	status int
	// line is what netbrk says; empty for nothing.
	line string
}

// always is a fault of every answer, once that of the first.
func always(kind imdstest.Kind) imdstest.Fault { return imdstest.Fault{Path: "*", Kind: kind} }

func once(kind imdstest.Kind) imdstest.Fault {
	return imdstest.Fault{Path: "*", Kind: kind, Times: 1, RetryAfter: "0"}
}

// cloudFaults are those of every cloud.
func cloudFaults() []cloudFault {
	return []cloudFault{
		{name: "hang", faults: []imdstest.Fault{always(imdstest.Hang)}, status: exitTemporary, line: "not ready"},
		{name: "reset", faults: []imdstest.Fault{always(imdstest.Reset)}, status: exitTemporary, line: "not ready"},
		{name: "cut body", faults: []imdstest.Fault{always(imdstest.Cut)}, status: exitTemporary, line: "not ready"},
		{name: "500", faults: []imdstest.Fault{always(imdstest.ServerError)}, status: exitTemporary, line: "status 500"},
		{
			name: "429 for long", status: exitTemporary, line: "status 429",
			faults: []imdstest.Fault{{Path: "*", Kind: imdstest.TooMany, RetryAfter: "3600"}},
		},
		{name: "410", faults: []imdstest.Fault{always(imdstest.Gone)}, status: exitTemporary, line: "status 410"},
		{name: "404", faults: []imdstest.Fault{always(imdstest.NotFound)}, status: exitTemporary, line: "metadata"},
		{name: "403", faults: []imdstest.Fault{always(imdstest.Forbidden)}, status: exitFailed, line: "status 403"},
		{name: "HTML", faults: []imdstest.Fault{always(imdstest.HTML)}, status: exitFailed, line: "refused"},
		{name: "redirect", faults: []imdstest.Fault{always(imdstest.Redirect)}, status: exitFailed, line: "refused"},
		{name: "oversized body", faults: []imdstest.Fault{always(imdstest.Oversize)}, status: exitFailed, line: "refused"},

		{name: "empty list", change: func(told *hostnet.Metadata) { told.NICs[1].Addresses = nil }, status: exitPartial, line: cloudMAC(1)},
		{name: "MAC missing", change: func(told *hostnet.Metadata) { told.NICs = told.NICs[:1] }, status: exitPartial, line: "nic1"},

		{name: "a moment of 503", faults: []imdstest.Fault{once(imdstest.Unavailable)}},
		{name: "a moment of 429", faults: []imdstest.Fault{once(imdstest.TooMany)}},
		{name: "a moment of reset", faults: []imdstest.Fault{once(imdstest.Reset)}},
		{name: "a moment of cut bodies", faults: []imdstest.Fault{once(imdstest.Cut)}},
	}
}

// faultsOf are those of one cloud alone.
func faultsOf(cloud string) []cloudFault {
	const macs = "/latest/meta-data/network/interfaces/macs/"
	none := cloudFault{name: "no NIC", change: func(told *hostnet.Metadata) { told.NICs = nil }, status: exitTemporary, line: "no NIC"}
	switch cloud {
	case "aws":
		return []cloudFault{
			{
				name: "a NIC that propagates", status: exitPartial, line: cloudMAC(1),
				faults: []imdstest.Fault{{Path: macs + cloudMAC(1) + "/*", Kind: imdstest.NotFound}},
			},
			{name: "a moment of 404", faults: []imdstest.Fault{once(imdstest.NotFound)}},
			{
				name:   "a NIC that propagates in a moment",
				faults: []imdstest.Fault{{Path: macs + cloudMAC(1) + "/local-ipv4s", Kind: imdstest.NotFound, Times: 1}},
			},
			{
				name: "device-number 0", status: exitPartial, line: cloudMAC(1),
				faults: []imdstest.Fault{{Path: "*/device-number", Kind: imdstest.Replace, Body: "0"}},
			},
		}
	case "alibaba":
		return []cloudFault{{
			name: "a NIC that propagates", status: exitPartial, line: cloudMAC(1),
			faults: []imdstest.Fault{{Path: macs + cloudMAC(1) + "/private-ipv4s", Kind: imdstest.Replace, Body: "rubbish"}},
		}}
	case "azure":
		return []cloudFault{
			none, {name: "a moment of 410", faults: []imdstest.Fault{once(imdstest.Gone)}}, {name: "a moment of 404", faults: []imdstest.Fault{once(imdstest.NotFound)}},
		}
	case "gcp":
		return []cloudFault{none, {name: "without its name", faults: []imdstest.Fault{always(imdstest.Anonymous)}, status: exitFailed, line: "refused"}}
	}
	return []cloudFault{none}
}

// TestCloudSyncFaults has a service for each fault, all of them on an instance
// that is in order. Since nothing must be changed, all are asked at once: some
// take as long as netbrk waits.
func TestCloudSyncFaults(t *testing.T) {
	var patients []*patient
	for cloud, scene := range cloudScenes() {
		patients = append(patients, newPatient(t, cloud, scene.told))
	}
	for _, p := range patients {
		t.Run(p.cloud, p.check)
	}
}

// patient is an instance that several runs of netbrk ask for at the same time,
// each with a fault, and with a copy of the state.
type patient struct {
	*instance
	want []string // what the network is like
	end  func() []hostnet.Change
	runs []*faultRun
}

type faultRun struct {
	fault          cloudFault
	state          string // a directory
	files          map[string]string
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

func newPatient(t *testing.T, cloud string, told hostnet.Metadata) *patient {
	t.Helper()
	p := &patient{instance: newInstance(t, cloud, told)}
	p.foreign(t)
	p.done(t)
	p.want, p.end = p.look(t), p.record(t)
	for _, f := range append(cloudFaults(), faultsOf(cloud)...) {
		if cloud == "gcp" && f.name == "404" {
			f.status, f.line = exitFailed, "refused" // an answer without its name is somebody else's
		}
		p.runs = append(p.runs, p.start(t, f, told))
	}
	return p
}

// start starts netbrk against a service of its own.
func (p *patient) start(t *testing.T, f cloudFault, told hostnet.Metadata) *faultRun {
	t.Helper()
	metadata := imdstest.New(p.cloud, told)
	metadata.Script(f.faults...)
	if f.change != nil {
		metadata.Change(f.change)
	}
	r := &faultRun{fault: f, state: filepath.Join(t.TempDir(), "state")}
	require.NoError(t, os.CopyFS(r.state, os.DirFS(filepath.Join(p.dir, "state"))))
	r.files = lasting(t, r.state)
	r.cmd = p.command(append([]string{"--state-dir", r.state}, p.syncArgs(p.serve(t, metadata))...)...)
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	p.ns.Do(t, func() { require.NoError(t, r.cmd.Start()) })
	return r
}

func (p *patient) check(t *testing.T) {
	for _, r := range p.runs {
		t.Run(r.fault.name, r.check)
	}
	assert.Empty(t, writes(p.end()), "what the kernel told of")
	assert.Equal(t, p.want, p.look(t))
}

func (r *faultRun) check(t *testing.T) {
	_ = r.cmd.Wait() // the status says it
	assert.Equal(t, r.fault.status, r.cmd.ProcessState.ExitCode(), r.stderr.String())
	assert.Empty(t, r.stdout.String())
	lines := []string{}
	for line := range strings.Lines(r.stderr.String()) {
		if !strings.HasPrefix(line, "netbrk: hint: ") {
			lines = append(lines, line)
		}
	}
	if r.fault.line == "" {
		assert.Empty(t, lines)
	} else if assert.Len(t, lines, 1, r.stderr.String()) {
		assert.Contains(t, lines[0], r.fault.line)
	}
	assert.Equal(t, r.files, lasting(t, r.state))
}

var missingSince = regexp.MustCompile(`,"missing_since":"[^"]*"`)

// lasting are the files of a state, less what tells of the last run, and since
// when a NIC has been missing.
func lasting(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path == "cloud/sync.json" {
			return err
		}
		content, err := fs.ReadFile(root, path)
		found[path] = missingSince.ReplaceAllString(string(content), "")
		return err
	})
	require.NoError(t, err)
	return found
}
