package dispatcher

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestTrustScript has a row for each way a script can be somebody else's. In
// want and target, "R" is the tree's path.
func TestTrustScript(t *testing.T) {
	tests := []struct {
		name   string
		build  func(r tree) string
		target string // where it ends, for a script that is trusted
		want   string // why it is refused
	}{
		{
			name:   "a plain script",
			build:  func(r tree) string { return r.script("etc/a.d/10-x") },
			target: "R/etc/a.d/10-x",
		},
		{
			name:   "for the owner alone, as under umask 077",
			build:  func(r tree) string { r.dir("etc/a.d", 0o700); return r.file("etc/a.d/10-x", "", 0o700) },
			target: "R/etc/a.d/10-x",
		},
		{
			name:   "a directory that hands its group on",
			build:  func(r tree) string { r.dir("etc/a.d", 0o755|fs.ModeSetgid); return r.script("etc/a.d/10-x") },
			target: "R/etc/a.d/10-x",
		},
		{
			name:  "writable by group",
			build: func(r tree) string { return r.file("etc/10-x", "", 0o775) },
			want:  "R/etc/10-x is writable by group (mode 0775): chmod go-w R/etc/10-x",
		},
		{
			name:  "writable by others",
			build: func(r tree) string { return r.file("etc/10-x", "", 0o757) },
			want:  "R/etc/10-x is writable by others (mode 0757): chmod go-w R/etc/10-x",
		},
		{
			name:  "not executable",
			build: func(r tree) string { return r.file("etc/10-x", "", 0o644) },
			want:  "R/etc/10-x is not executable (mode 0644): chmod +x R/etc/10-x",
		},
		{
			name:  "not executable by its owner",
			build: func(r tree) string { return r.file("etc/10-x", "", 0o655) },
			want:  "R/etc/10-x is not executable (mode 0655): chmod +x R/etc/10-x",
		},
		{
			name:  "set-user-ID",
			build: func(r tree) string { return r.file("etc/10-x", "", 0o755|fs.ModeSetuid) },
			want:  "R/etc/10-x is set-user-ID or set-group-ID (mode 4755): chmod ug-s R/etc/10-x",
		},
		{
			name:  "set-group-ID",
			build: func(r tree) string { return r.file("etc/10-x", "", 0o755|fs.ModeSetgid) },
			want:  "R/etc/10-x is set-user-ID or set-group-ID (mode 2755): chmod ug-s R/etc/10-x",
		},
		{
			name: "a fifo",
			build: func(r tree) string {
				r.dir("etc", 0o755)
				require.NoError(r.t, unix.Mkfifo(r.at("etc/10-x"), 0o755))
				return r.at("etc/10-x")
			},
			want: "R/etc/10-x is not a regular file",
		},
		{
			name:  "in a directory of the group",
			build: func(r tree) string { p := r.script("etc/a.d/10-x"); r.dir("etc/a.d", 0o775); return p },
			want:  "R/etc/a.d is writable by group (mode 0775): chmod go-w R/etc/a.d",
		},
		{
			name:  "below a directory of everybody",
			build: func(r tree) string { p := r.script("etc/b/c/10-x"); r.dir("etc/b", 0o777); return p },
			want:  "R/etc/b is writable by group and others (mode 0777): chmod go-w R/etc/b",
		},
		{
			name:  "below a sticky directory, which is no better",
			build: func(r tree) string { p := r.script("tmp/c/10-x"); r.dir("tmp", 0o777|fs.ModeSticky); return p },
			want:  "R/tmp is writable by group and others (mode 1777): keep hooks elsewhere",
		},
		{
			name:  "a name to be quoted in a shell",
			build: func(r tree) string { return r.file("etc/it's $1", "", 0o777) },
			want:  `'R/etc/it'\''s $1' is writable by group and others (mode 0777): chmod go-w 'R/etc/it'\''s $1'`,
		},
		{
			name:   "a link to another script",
			build:  func(r tree) string { r.script("usr/share/x"); return r.link("etc/a.d/10-x", "../../usr/./share//x") },
			target: "R/usr/share/x",
		},
		{
			name:   "a link by its whole path",
			build:  func(r tree) string { return r.link("etc/a.d/10-x", r.script("usr/share/x")) },
			target: "R/usr/share/x",
		},
		{
			name: "a link through linked directories",
			build: func(r tree) string {
				r.script("usr/lib/hooks/x")
				r.link("lib", "usr/lib")
				r.link("hooks", "lib/hooks/../hooks")
				return r.link("etc/10-x", r.at("hooks/x"))
			},
			target: "R/usr/lib/hooks/x",
		},
		{
			name: "the parent of a linked directory is not that of the link",
			build: func(r tree) string {
				r.script("usr/x") // what lexical cleaning of the link would not find
				r.dir("usr/share", 0o755)
				r.link("etc/share", "../usr/share")
				return r.link("etc/10-x", "share/../x")
			},
			target: "R/usr/x",
		},
		{
			name: "a link to a file where everybody can put one",
			build: func(r tree) string {
				r.script("tmp/x")
				r.dir("tmp", 0o777|fs.ModeSticky)
				return r.link("etc/10-x", "../tmp/x")
			},
			want: "R/tmp is writable by group and others (mode 1777): keep hooks elsewhere",
		},
		{
			name: "a link that passes through such a directory to a good file",
			build: func(r tree) string {
				r.script("usr/x")
				r.link("tmp/detour", r.at("usr"))
				r.dir("tmp", 0o777)
				return r.link("etc/10-x", r.at("tmp/detour/x"))
			},
			want: "R/tmp is writable by group and others (mode 0777): chmod go-w R/tmp",
		},
		{
			name: "a link that only turns round in such a directory",
			build: func(r tree) string {
				r.script("usr/x")
				r.dir("tmp/a", 0o755)
				r.dir("tmp", 0o777)
				return r.link("etc/10-x", "../tmp/a/../../usr/x")
			},
			want: "R/tmp is writable by group and others (mode 0777): chmod go-w R/tmp",
		},
		{
			name: "a linked directory that leads to a bad one",
			build: func(r tree) string {
				r.script("srv/hooks/10-x")
				r.dir("srv", 0o777)
				r.link("etc/a.d", r.at("srv/hooks"))
				return r.at("etc/a.d/10-x")
			},
			want: "R/srv is writable by group and others (mode 0777): chmod go-w R/srv",
		},
		{
			name:  "a link to itself",
			build: func(r tree) string { return r.link("etc/10-x", "10-x") },
			want:  "R/etc/10-x is a symbolic link after 40 others: is it a loop?",
		},
		{
			name: "a loop of directories",
			build: func(r tree) string {
				r.link("etc/a", "b/x")
				return r.link("etc/b", "a/x")
			},
			want: "R/etc/b is a symbolic link after 40 others: is it a loop?",
		},
		{
			name: "a file where a directory should be",
			build: func(r tree) string {
				r.script("usr/x")
				return r.link("etc/10-x", "../usr/x/y")
			},
			want: "R/usr/x is not a directory",
		},
		{
			name: "a file with a slash behind it",
			build: func(r tree) string {
				r.script("usr/x")
				return r.link("etc/10-x", "../usr/x/")
			},
			want: "R/usr/x is not a directory",
		},
		{
			name:  "a link to nothing",
			build: func(r tree) string { return r.link("etc/10-x", "../usr/x") },
			want:  "lstat R/usr: no such file or directory",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newTree(t)
			path := tt.build(r)
			target, err := newWalk(r.trust()).script(path)
			if tt.target == "" {
				require.Error(t, err)
				assert.Equal(t, tt.want, strings.ReplaceAll(err.Error(), r.path, "R"))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, strings.Replace(tt.target, "R", r.path, 1), target)
		})
	}
}

func TestTrustFollowsAsManyLinksAsTheKernel(t *testing.T) {
	r := newTree(t)
	path := r.script("0")
	for i := 1; i <= maxSymlinks+1; i++ {
		path = r.link(fmt.Sprint(i), fmt.Sprint(i-1))
		_, wantErr := os.Stat(path)
		_, err := newWalk(r.trust()).script(path)
		assert.Equal(t, wantErr == nil, err == nil, "%d links: the kernel says %v, we %v", i, wantErr, err)
	}
	_, err := os.Stat(path)
	assert.ErrorIs(t, err, unix.ELOOP)
}

// TestTrustOwner needs root, to give a file away.
func TestTrustOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const other = 65534
	trustOther := func(r tree) Trust { return Trust{UID: other, Root: r.path} }
	rootOnly := func(r tree) Trust { return Trust{Root: r.path} }
	tests := []struct {
		name  string
		owned string // what the other user owns
		trust func(tree) Trust
		want  string
	}{
		{"nothing, root", "", rootOnly, ""},
		{"nothing, the other", "", trustOther, ""},
		{"script, root", "etc/a.d/10-x", rootOnly, "R/etc/a.d/10-x is owned by uid 65534, not by root: chown root R/etc/a.d/10-x"},
		{"script, the other", "etc/a.d/10-x", trustOther, ""},
		{"directory, root", "etc", rootOnly, "R/etc is owned by uid 65534, not by root: chown root R/etc"},
		{"directory, the other", "etc", trustOther, ""},
		{"directory, a third", "etc", func(r tree) Trust { return Trust{UID: 65533, Root: r.path} },
			"R/etc is owned by uid 65534, not by root or uid 65533: chown root R/etc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newTree(t)
			path := r.script("etc/a.d/10-x")
			if tt.owned != "" {
				require.NoError(t, os.Chown(r.at(tt.owned), other, other))
			}
			target, err := newWalk(tt.trust(r)).script(path)
			if tt.want == "" {
				require.NoError(t, err)
				assert.Equal(t, path, target)
				return
			}
			require.Error(t, err)
			assert.Equal(t, tt.want, strings.ReplaceAll(err.Error(), r.path, "R"))
		})
	}
}

// TestTrustFromTheRealRoot asks by the rule as it is, from "/" on. A fresh /tmp
// that everybody can write to is refused on every machine.
func TestTrustFromTheRealRoot(t *testing.T) {
	r := newTree(t)
	path := r.script("etc/10-x")
	shared := filepath.Dir(r.path)
	require.NoError(t, os.Chmod(shared, 0o777|fs.ModeSticky))
	_, err := newWalk(Trust{UID: os.Geteuid()}).script(path)
	assert.ErrorContains(t, err, "is writable by group and others (mode 1777): keep hooks elsewhere")
}

// TestTrustEndsWithItsRoot: what Root spares is what leads to it, not what a
// link reaches by going up from it.
func TestTrustEndsWithItsRoot(t *testing.T) {
	r := newTree(t)
	outside := filepath.Dir(r.path)
	require.NoError(t, os.WriteFile(filepath.Join(outside, "x"), nil, 0o755))
	require.NoError(t, os.Chmod(outside, 0o777))
	_, err := newWalk(r.trust()).script(r.link("etc/10-x", "../../x"))
	assert.ErrorContains(t, err, "is writable by group and others")
}

// TestTrustLooksAtEachDirectoryOnce: a thousand links' scripts lie in few
// directories.
func TestTrustLooksAtEachDirectoryOnce(t *testing.T) {
	r := newTree(t)
	w := newWalk(r.trust())
	for i := range 3 {
		_, err := w.script(r.script(fmt.Sprintf("etc/a.d/%d", i)))
		require.NoError(t, err)
	}
	// A search has its verdict from the first look; the next one looks again.
	r.dir("etc/a.d", 0o777)
	_, err := w.script(r.at("etc/a.d/0"))
	assert.NoError(t, err)
	_, err = newWalk(r.trust()).script(r.at("etc/a.d/0"))
	assert.ErrorContains(t, err, "writable by group and others")
}
