package gcp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// now is after the expiry of one key in testdata, and before that of another.
func now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func parse(raw []byte) (hostnet.Metadata, error) { return Parse(cloudtest.Answers(raw), now()) }

func TestParse(t *testing.T) { cloudtest.Golden(t, ".txt", parse) }

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", cloud.ErrRefused},
		{"cut", `[{"mac":"42:01:0a:80:00:05"`, cloud.ErrRefused},
		{"a page", "<html>", cloud.ErrRefused},
		{"no NIC", "[]", cloud.ErrNotReady},
		{"null", "null", cloud.ErrNotReady},
		{"of another kind", `{"mac":"42:01:0a:80:00:05"}`, cloud.ErrNotReady},
		{"no NIC that can be matched", `[{"mac":"ens4","ip":"10.0.0.1"}]`, cloud.ErrNotReady},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(cloud.Answers{Bodies: map[string][]byte{nicsKey: []byte(tt.text)}}, now())
			assert.ErrorIs(t, err, tt.want)
		})
	}
}

func TestParseKey(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"with a user", "alice:ssh-ed25519 AAAA alice@laptop", "ssh-ed25519 AAAA alice@laptop"},
		{"without", "ssh-ed25519 AAAA alice:laptop", "ssh-ed25519 AAAA alice:laptop"},
		{"expired", `a:ssh-rsa AAAA google-ssh {"userName":"a@b","expireOn":"2025-12-04T20:12:00+0000"}`, ""},
		{"not yet", `a:ssh-rsa AAAA google-ssh {"userName":"a@b","expireOn":"2026-12-04T20:12:00+0000"}`,
			`ssh-rsa AAAA google-ssh {"userName":"a@b","expireOn":"2026-12-04T20:12:00+0000"}`},
		{"no date", `a:ssh-rsa AAAA google-ssh {"userName":"a@b","expireOn":"soon"}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, parseKey(tt.line, now())) })
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range cloudtest.Documents(f, ".txt") {
		a := cloudtest.Answers(raw)
		f.Add(a.Bodies[nicsKey], a.Bodies["instance/zone"], a.Bodies[instanceAttributes+"ssh-keys"])
	}
	f.Fuzz(func(t *testing.T, nics, fact, keys []byte) {
		a := cloud.Answers{Bodies: map[string][]byte{nicsKey: nics, instanceAttributes + "ssh-keys": keys}}
		for _, key := range factKeys() {
			a.Bodies[key] = fact
		}
		if m, err := Parse(a, now()); err == nil {
			cloudtest.Check(t, m)
		}
	})
}
