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

	"github.com/netbrk/netbrk/internal/hostnet"
)

// render writes a plan as lines: "run PATH", "masked PATH: why", "refused PATH:
// why", with R for the tree's path.
func render(r tree, p Plan) []string {
	lines := []string{}
	for _, h := range p.Hooks {
		line := "run " + h.Path
		if h.Target != h.Path {
			line += " = " + h.Target
		}
		lines = append(lines, line)
	}
	for _, s := range p.Masked {
		lines = append(lines, "masked "+s.Path+": "+s.Why)
	}
	for _, s := range p.Refused {
		lines = append(lines, "refused "+s.Path+": "+s.Why)
	}
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], r.path, "R")
	}
	return lines
}

func TestFind(t *testing.T) {
	tests := []struct {
		name  string
		build func(r tree)
		link  string // "eth0" if empty
		want  []string
	}{
		{
			name:  "nothing there",
			build: func(tree) {},
			want:  []string{},
		},
		{
			name: "by name over all roots",
			build: func(r tree) {
				r.script("etc/routable.d/30-c")
				r.script("run/routable.d/10-a")
				r.script("usr/routable.d/20-b")
				r.script("usr/routable.d/2-z") // byte by byte, not as numbers
				r.script("etc/carrier.d/10-not")
			},
			want: []string{
				"run R/run/routable.d/10-a", "run R/usr/routable.d/2-z", "run R/usr/routable.d/20-b", "run R/etc/routable.d/30-c",
			},
		},
		{
			name: "an earlier root hides",
			build: func(r tree) {
				r.script("etc/routable.d/10-a")
				r.script("run/routable.d/10-a")
				r.script("run/routable.d/20-b")
				r.script("usr/routable.d/10-a")
				r.script("usr/routable.d/20-b")
			},
			want: []string{
				"run R/etc/routable.d/10-a", "run R/run/routable.d/20-b",
				"masked R/run/routable.d/10-a: is hidden by R/etc/routable.d/10-a",
				"masked R/usr/routable.d/10-a: is hidden by R/etc/routable.d/10-a",
				"masked R/usr/routable.d/20-b: is hidden by R/run/routable.d/20-b",
			},
		},
		{
			name: "an empty file and a link to /dev/null disable, in the same root or an earlier one",
			build: func(r tree) {
				r.file("etc/routable.d/10-a", "", 0o644)
				r.link("etc/routable.d/20-b", "/dev/null")
				r.file("empty", "", 0o644)
				r.link("etc/routable.d/30-c", "../../empty")
				r.script("usr/routable.d/10-a")
				r.script("usr/routable.d/20-b")
				r.script("usr/routable.d/40-d")
			},
			want: []string{
				"run R/usr/routable.d/40-d",
				"masked R/etc/routable.d/10-a: is disabled: it is empty",
				"masked R/etc/routable.d/20-b: is disabled: it is a link to /dev/null",
				"masked R/etc/routable.d/30-c: is disabled: it is empty",
				"masked R/usr/routable.d/10-a: is hidden by R/etc/routable.d/10-a",
				"masked R/usr/routable.d/20-b: is hidden by R/etc/routable.d/20-b",
			},
		},
		{
			name: "a later root disables nothing in an earlier one",
			build: func(r tree) {
				r.script("etc/routable.d/10-a")
				r.file("usr/routable.d/10-a", "", 0o644)
			},
			want: []string{
				"run R/etc/routable.d/10-a", "masked R/usr/routable.d/10-a: is hidden by R/etc/routable.d/10-a",
			},
		},
		{
			name: "one that is refused hides all the same",
			build: func(r tree) {
				r.file("etc/routable.d/10-a", "#!/bin/sh\n", 0o644)
				r.link("etc/routable.d/20-b", "nowhere")
				r.script("usr/routable.d/10-a")
				r.script("usr/routable.d/20-b")
			},
			want: []string{
				"masked R/usr/routable.d/10-a: is hidden by R/etc/routable.d/10-a",
				"masked R/usr/routable.d/20-b: is hidden by R/etc/routable.d/20-b",
				"refused R/etc/routable.d/10-a: R/etc/routable.d/10-a is not executable (mode 0644): chmod +x R/etc/routable.d/10-a",
				"refused R/etc/routable.d/20-b: R/etc/routable.d/20-b is a symbolic link to nothing",
			},
		},
		{
			name: "what anybody can have put there hides nothing",
			build: func(r tree) {
				r.script("etc/routable.d/10-a")
				r.link("etc/routable.d/20-b", "/dev/null")
				r.file("etc/routable.d/20-c~", "", 0o644)
				r.dir("etc/routable.d/eth0", 0o755)
				r.dir("etc/routable.d/eth1", 0o755)
				r.dir("etc/routable.d", 0o775)
				r.script("usr/routable.d/10-a")
				r.script("usr/routable.d/20-b")
			},
			want: []string{
				"run R/usr/routable.d/10-a", "run R/usr/routable.d/20-b",
				"refused R/etc/routable.d/10-a: R/etc/routable.d is writable by group (mode 0775): chmod go-w R/etc/routable.d",
				"refused R/etc/routable.d/20-b: R/etc/routable.d is writable by group (mode 0775): chmod go-w R/etc/routable.d",
				"refused R/etc/routable.d/eth0: R/etc/routable.d is writable by group (mode 0775): chmod go-w R/etc/routable.d",
			},
		},
		{
			name: "subdirectories of the link and of globs that match it",
			link: "wg0",
			build: func(r tree) {
				r.script("etc/routable.d/20-all")
				r.script("etc/routable.d/wg0/10-mine")
				r.script("etc/routable.d/wg*/30-ours")
				r.script("etc/routable.d/wg[!0]/10-others")
				r.script("etc/routable.d/eth0/10-others")
				r.script("etc/routable.d/wg/10-others")
				r.script("etc/routable.d/wg0/sub/10-too-deep")
				r.script("etc/routable.d/wg*.bak/10-leftover")
			},
			want: []string{
				"run R/etc/routable.d/wg0/10-mine", "run R/etc/routable.d/20-all", "run R/etc/routable.d/wg*/30-ours",
			},
		},
		{
			name: "equal names: for all links first, then by subdirectory; each masks at its own place",
			link: "wg0",
			build: func(r tree) {
				r.script("usr/routable.d/10-a")
				r.script("usr/routable.d/wg0/10-a")
				r.script("usr/routable.d/wg*/10-a")
				r.script("etc/routable.d/wg0/10-a")
				r.script("etc/routable.d/w*/10-a")
			},
			want: []string{
				"run R/usr/routable.d/10-a", "run R/etc/routable.d/w*/10-a", "run R/usr/routable.d/wg*/10-a",
				"run R/etc/routable.d/wg0/10-a",
				"masked R/usr/routable.d/wg0/10-a: is hidden by R/etc/routable.d/wg0/10-a",
			},
		},
		{
			name: "a file hides a subdirectory of its name, a subdirectory no other",
			link: "wg0",
			build: func(r tree) {
				r.link("etc/routable.d/wg*", "/dev/null")
				r.script("usr/routable.d/wg*/10-a")
				r.script("etc/routable.d/wg0/10-a")
				r.script("usr/routable.d/wg0/20-b")
			},
			want: []string{
				"run R/etc/routable.d/wg0/10-a", "run R/usr/routable.d/wg0/20-b",
				"masked R/etc/routable.d/wg*: is disabled: it is a link to /dev/null",
				"masked R/usr/routable.d/wg*: is hidden by 'R/etc/routable.d/wg*'",
			},
		},
		{
			name: "odd but legal names of links stand for themselves",
			link: "a[*]%@é",
			build: func(r tree) {
				r.script("etc/routable.d/a[*]%@é/10-a")
				r.script("etc/routable.d/a[*/10-b")
			},
			want: []string{"run R/etc/routable.d/a[*]%@é/10-a"},
		},
		{
			name: "a hidden link's subdirectory, but no hidden file",
			link: ".hid",
			build: func(r tree) {
				r.script("etc/routable.d/.hid/10-a")
				r.script("usr/routable.d/.hid")
				r.script("usr/routable.d/.hid/")
			},
			want: []string{"run R/etc/routable.d/.hid/10-a"},
		},
		{
			name: "leftovers are passed by in silence",
			build: func(r tree) {
				for _, name := range []string{".a", "a~", "a.bak", "a.dpkg-dist", "a.rpmnew", "#a#", "a.swp"} {
					r.script("etc/routable.d/" + name)
				}
				r.script("etc/routable.d/a")
				r.script("usr/routable.d/a.sh")
			},
			want: []string{"run R/etc/routable.d/a", "run R/usr/routable.d/a.sh"},
		},
		{
			name: "links to scripts and directories",
			build: func(r tree) {
				r.script("opt/tool/hook")
				r.link("etc/routable.d/10-tool", "../../opt/tool/hook")
				r.script("opt/tool/eth.d/20-x")
				r.link("etc/routable.d/eth*", r.at("opt/tool/eth.d"))
				r.link("etc/routable.d/wg0", r.at("opt/tool/eth.d")) // another link's
				r.script("opt/all/routable.d/30-y")
				r.link("usr", r.at("opt/all"))
			},
			want: []string{
				"run R/etc/routable.d/10-tool = R/opt/tool/hook",
				"run R/etc/routable.d/eth*/20-x = R/opt/tool/eth.d/20-x",
				"run R/usr/routable.d/30-y = R/opt/all/routable.d/30-y",
			},
		},
		{
			name: "links that are traps",
			build: func(r tree) {
				r.script("tmp/x")
				r.script("tmp/eth.d/20-x")
				r.dir("tmp", 0o777|fs.ModeSticky)
				r.link("etc/routable.d/10-x", r.at("tmp/x"))
				r.link("etc/routable.d/eth0", r.at("tmp/eth.d"))
				r.link("etc/routable.d/loop", "loop")
				r.link("run", r.at("tmp"))
				r.link("usr", "usr")
			},
			want: []string{
				"refused R/etc/routable.d/10-x: R/tmp is writable by group and others (mode 1777): keep hooks elsewhere",
				"refused R/etc/routable.d/eth0: R/tmp is writable by group and others (mode 1777): keep hooks elsewhere",
				"refused R/etc/routable.d/loop: R/etc/routable.d/loop is a symbolic link in a loop",
				"refused R/usr/routable.d: R/usr is a symbolic link after 40 others: is it a loop?",
			},
		},
		{
			name: "a file where a directory should be",
			build: func(r tree) {
				r.file("etc/routable.d", "", 0o644)
				r.file("usr", "", 0o644)
				r.script("run/routable.d/10-a")
			},
			want: []string{
				"run R/run/routable.d/10-a",
				"refused R/etc/routable.d: R/etc/routable.d is not a directory",
				"refused R/usr/routable.d: R/usr is not a directory",
			},
		},
		{
			name: "a name that a log cannot show",
			build: func(r tree) {
				r.script("etc/routable.d/10-\x1b[2J")
				r.script("etc/routable.d/20-\n\xff")
				r.link("etc/routable.d/30-\n", "30-\n")
				r.link("etc/routable.d/40", r.at("etc/\n/x"))
			},
			want: []string{
				`refused R/etc/routable.d/10-\x1b[2J: its name is not printable`,
				`refused R/etc/routable.d/20-\n\xff: its name is not printable`,
				`refused R/etc/routable.d/30-\n: $'R/etc/routable.d/30-\n' is a symbolic link in a loop`,
				`refused R/etc/routable.d/40: R/etc/routable.d/40 is a symbolic link to nothing`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newTree(t)
			tt.build(r)
			link := tt.link
			if link == "" {
				link = "eth0"
			}
			finder := Finder{Roots: []string{r.at("etc"), r.at("run"), r.at("usr")}, Trust: r.trust()}
			plan, err := finder.Find("routable.d", link)
			require.NoError(t, err)
			assert.Equal(t, tt.want, render(r, plan))
		})
	}
}

func TestFindForNoLink(t *testing.T) {
	r := newTree(t)
	r.script("etc/manager.d/10-a")
	r.script("etc/manager.d/*/20-b")
	plan, err := Finder{Roots: []string{r.at("etc")}, Trust: r.trust()}.Find("manager.d", "")
	require.NoError(t, err)
	assert.Equal(t, Plan{Hooks: []Hook{{
		Path: r.at("etc/manager.d/10-a"), Target: r.at("etc/manager.d/10-a"), Name: "10-a", Directory: "manager.d",
	}}}, plan)
}

func TestFindRefusesWordsThatAreNone(t *testing.T) {
	r := newTree(t)
	r.script("etc/../secret/10-a")
	finder := Finder{Roots: []string{r.at("etc")}, Trust: r.trust()}
	for _, directory := range []string{"", "..", "../secret", "routable", "routable.d/../..", "pending.d", "routable.d\n"} {
		_, err := finder.Find(directory, "eth0")
		assert.ErrorContains(t, err, "is not a hook directory", "%q", directory)
	}
	for _, link := range []string{"..", ".", "a/b", "eth0 ", "a-very-long-name-of-a-link", "\n"} {
		_, err := finder.Find("routable.d", link)
		assert.ErrorContains(t, err, "is not the name of a link", "%q", link)
	}
}

func TestFindInARelativeRoot(t *testing.T) {
	plan, err := Finder{Roots: []string{"etc"}}.Find("routable.d", "eth0")
	require.NoError(t, err)
	assert.Equal(t, Plan{Refused: []Skipped{{Path: "etc", Why: "etc is not an absolute path"}}}, plan)
}

// TestFindTellsNoMoreThanTheFirst: who can fill a directory can fill the log too.
func TestFindTellsNoMoreThanTheFirst(t *testing.T) {
	r := newTree(t)
	for i := range maxUntrusted + 10 {
		r.script(fmt.Sprintf("etc/routable.d/%03d", i))
	}
	r.dir("etc/routable.d", 0o777)
	plan, err := Finder{Roots: []string{r.at("etc")}, Trust: r.trust()}.Find("routable.d", "eth0")
	require.NoError(t, err)
	assert.Empty(t, plan.Hooks)
	assert.Len(t, plan.Refused, maxUntrusted+1)
	assert.Equal(t, r.at("etc/routable.d"), plan.Refused[maxUntrusted].Path)
}

// FuzzFind puts a file of any name, and a subdirectory of any name with a script,
// into a hook directory. What runs must be what Find's rules say.
func FuzzFind(f *testing.F) {
	for _, seed := range [][3]string{
		{"10-a", "wg*", "wg0"}, {".a", "eth0", "eth0"}, {"a~", "*", ".hid"}, {"\n", "[", "["}, {"eth0", "eth0", "eth0"},
		{"\xff", "\xff", "é"}, {"10-a.dpkg-new", "[!a]", "b"}, {"-", "--", "--"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, script, sub, link string) {
		for _, name := range []string{script, sub} {
			if name == "" || name == "." || name == ".." || len(name) > 200 || strings.ContainsAny(name, "/\x00") {
				return // not a name
			}
		}
		if script == sub || !hostnet.ValidLinkName(link) {
			return
		}
		r := newTree(t)
		r.dir("etc/routable.d/"+sub, 0o755)
		for _, name := range []string{script, sub + "/10-in"} {
			require.NoError(t, os.WriteFile(r.at("etc/routable.d/"+name), []byte("#!/bin/sh\n"), 0o600))
			require.NoError(t, os.Chmod(r.at("etc/routable.d/"+name), 0o755))
		}
		plan, err := Finder{Roots: []string{r.at("etc")}, Trust: r.trust()}.Find("routable.d", link)
		require.NoError(t, err)
		want := []string{}
		if !isLeftover(script) && isPrintable(script) {
			want = append(want, script)
		}
		if matchLink(sub, link) {
			want = append(want, filepath.Join(sub, "10-in"))
		}
		got := []string{}
		for _, h := range plan.Hooks {
			assert.Equal(t, h.Path, h.Target)
			got = append(got, strings.TrimPrefix(h.Path, r.at("etc/routable.d")+"/"))
		}
		assert.ElementsMatch(t, want, got)
		for _, s := range append(plan.Refused, plan.Masked...) {
			assert.True(t, isPrintable(s.Path), "%q", s.Path)
			assert.True(t, isPrintable(s.Why), "%q", s.Why)
		}
	})
}
