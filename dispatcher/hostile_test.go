package dispatcher

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hosttest"
)

// attackVar makes the test binary the attacker of TestAnotherUserTurnsNothing.
const attackVar = "NETBRK_TEST_ATTACK"

// TestAnotherUserTurnsNothing is CVE-2022-29800 with another user at work: from before
// the look at a script until after its end it tries all that could put its own in the
// place, at every name on the way. None of it is allowed, so the name that runs leads
// to what was looked at.
func TestAnotherUserTurnsNothing(t *testing.T) {
	if root := os.Getenv(attackVar); root != "" {
		attack(root)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("to be another user takes root")
	}
	r, finder, _ := swapped(t)
	r.dir("tmp", 0o777)
	require.NoError(t, os.Chmod(filepath.Dir(r.path), 0o755)) // testing makes it for its own user
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestAnotherUserTurnsNothing$")
	cmd.Env = append(os.Environ(), attackVar+"="+r.path)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	stop, err := cmd.StdinPipe()
	require.NoError(t, err)
	said, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(said)
	require.True(t, lines.Scan(), "the attack does not begin")
	assert.Equal(t, "at work", lines.Text())
	runner := NewRunner(time.Minute)
	for range 200 {
		plan, err := finder.Find("routable.d", "eth0")
		require.NoError(t, err)
		require.Len(t, plan.Hooks, 1)
		assert.Empty(t, plan.Refused)
		assert.Equal(t, "good\n", runner.Run(t.Context(), Job{Hook: plan.Hooks[0]}).Output)
	}
	require.NoError(t, stop.Close())
	for lines.Scan() {
		if lines.Text() == "PASS" {
			break
		}
		assert.Regexp(t, `^done \d+$`, lines.Text(), "the attack got through")
	}
	require.NoError(t, cmd.Wait())
	assert.FileExists(t, r.at("tmp/own"), "it can do what it may")
}

// attack tries until its standard input ends, and says what succeeded.
func attack(root string) {
	evil := filepath.Join(root, "tmp/evil")
	tries := map[string]func(path string) error{
		"rename":  func(path string) error { return os.Rename(evil, path) },
		"away":    func(path string) error { return os.Rename(path, path+".away") },
		"remove":  os.Remove,
		"symlink": func(path string) error { return os.Symlink(evil, path+"/0-x") },
		"beside":  func(path string) error { return os.Link(evil, path+"-x") },
		"write":   func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\necho evil\n"), 0o755) },
		"chmod":   func(path string) error { return os.Chmod(path, 0o777) },
		"mount":   func(path string) error { return unix.Mount(filepath.Dir(evil), path, "", unix.MS_BIND, "") },
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = io.Copy(io.Discard, os.Stdin) }()
	if err := os.WriteFile(filepath.Join(root, "tmp/own"), nil, 0o644); err != nil {
		fmt.Println("where it may:", err)
	}
	fmt.Println("at work")
	for n := 0; ; n++ {
		for _, name := range []string{"etc", "etc/routable.d", "etc/routable.d/10-x", "usr", "usr/good"} {
			for what, try := range tries {
				if try(filepath.Join(root, name)) == nil {
					fmt.Println(what, name)
				}
			}
		}
		select {
		case <-ended:
			fmt.Println("done", n)
			return
		default:
		}
	}
}

// TestDescriptorLinks: a hook that is a link to an open file, by /proc, is what the
// link's text says, looked at like any other.
func TestDescriptorLinks(t *testing.T) {
	r := newTree(t)
	r.file("tmp/evil", "#!/bin/sh\necho evil\n", 0o755)
	r.dir("tmp", 0o777)
	r.file("usr/gone", "#!/bin/sh\necho evil\n", 0o755)
	r.script("usr/good")
	open := func(name string) int {
		f, err := os.Open(r.at(name))
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return int(f.Fd())
	}
	evil, gone, good := open("tmp/evil"), open("usr/gone"), open("usr/good")
	require.NoError(t, os.Remove(r.at("usr/gone")))
	memory, err := unix.MemfdCreate("x", 0)
	require.NoError(t, err)
	defer unix.Close(memory)
	_, err = unix.Write(memory, []byte("#!/bin/sh\necho evil\n"))
	require.NoError(t, err)
	for name, target := range map[string]string{
		"10-evil": "/proc/self/fd/" + strconv.Itoa(evil), "20-gone": "/proc/self/fd/" + strconv.Itoa(gone),
		"30-memory": "/proc/self/fd/" + strconv.Itoa(memory), "40-directory": "/proc/self/cwd", "50-good": "/proc/self/fd/" + strconv.Itoa(good),
		"60-closed": "/proc/self/fd/1023",
	} {
		r.link("etc/routable.d/"+name, target)
	}
	plan, err := Finder{Roots: []string{r.at("etc")}, Trust: r.trust()}.Find("routable.d", "eth0")
	require.NoError(t, err)
	require.Len(t, plan.Hooks, 1)
	assert.Equal(t, r.at("usr/good"), plan.Hooks[0].Target)
	why := map[string]string{}
	for _, s := range plan.Refused {
		why[filepath.Base(s.Path)] = s.Why
	}
	assert.Len(t, why, 4) // 40-directory is a subdirectory of no link
	assert.Contains(t, why["10-evil"], "tmp is writable by group and others")
}

// TestAccessControlLists: who may write by a list shows in the group's bits, acl(5).
func TestAccessControlLists(t *testing.T) {
	const read, write = 4 | 1, 4 | 2 | 1
	list := func(user, mask uint16) []byte {
		raw := binary.LittleEndian.AppendUint32(nil, 2) // POSIX_ACL_XATTR_VERSION of uapi/linux/posix_acl_xattr.h
		for _, e := range []struct {
			tag, perm uint16
			id        uint32
		}{{0x01, write, ^uint32(0)}, {0x02, user, 65534}, {0x04, read, ^uint32(0)}, {0x10, mask, ^uint32(0)}, {0x20, read, ^uint32(0)}} {
			raw = binary.LittleEndian.AppendUint16(raw, e.tag)
			raw = binary.LittleEndian.AppendUint16(raw, e.perm)
			raw = binary.LittleEndian.AppendUint32(raw, e.id)
		}
		return raw
	}
	for _, tt := range []struct {
		name, on   string
		user, mask uint16
		trusted    bool
	}{
		{"a user may write to the script", "etc/routable.d/10-x", write, write, false},
		{"a user may write to the directory", "etc/routable.d", write, write, false},
		{"a user may write to one above", "etc", write, write, false},
		{"a user may read", "etc/routable.d/10-x", read, read, true},
		{"a user could write but for the mask", "etc/routable.d", write, read, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newTree(t)
			r.script("etc/routable.d/10-x")
			err := unix.Setxattr(r.at(tt.on), "system.posix_acl_access", list(tt.user, tt.mask), 0)
			if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) && os.Geteuid() != 0 {
				hosttest.Lacks(t, "no access control lists here: %v", err)
			}
			require.NoError(t, err)
			plan, err := Finder{Roots: []string{r.at("etc")}, Trust: r.trust()}.Find("routable.d", "eth0")
			require.NoError(t, err)
			assert.Equal(t, tt.trusted, len(plan.Hooks) == 1, "%+v", plan)
			assert.Equal(t, tt.trusted, len(plan.Refused) == 0, "%+v", plan)
		})
	}
}

// TestFifosInPlaceOfHooks: nothing waits for a writer, wherever one is.
func TestFifosInPlaceOfHooks(t *testing.T) {
	for _, name := range []string{"etc", "etc/routable.d", "etc/routable.d/eth0", "etc/routable.d/10-x"} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t)
			r.dir(filepath.Dir(name), 0o755)
			require.NoError(t, unix.Mkfifo(r.at(name), 0o755))
			plan, err := Finder{Roots: []string{r.at("etc")}, Trust: r.trust()}.Find("routable.d", "eth0")
			require.NoError(t, err)
			assert.Empty(t, plan.Hooks)
			assert.Len(t, plan.Refused, 1)
		})
	}
}

// TestHugeScript: of a file that seems endless the beginning alone is read.
func TestHugeScript(t *testing.T) {
	b := newWorkbench(t)
	path := b.file("huge", "", 0o755)
	require.NoError(t, os.Truncate(path, 1<<40))
	got := b.runner.Run(t.Context(), Job{Hook: Hook{Path: path, Target: path}})
	assert.Contains(t, got.Error, errBinary.Error())
}
