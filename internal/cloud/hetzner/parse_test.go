package hetzner

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func parseAnswers(raw []byte) (hostnet.Metadata, error) { return Parse(cloudtest.Answers(raw)) }

func TestGolden(t *testing.T) { cloudtest.Golden(t, ".txtar", parseAnswers) }

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"no YAML", "\tx", cloud.ErrRefused},
		{"HTML", "<html>", cloud.ErrRefused},
		{"a list", "- a", cloud.ErrRefused},
		{"an alias", "a: &x [1]\nb: *x", cloud.ErrRefused},
		{"an alias of itself", "a: &x [*x]", cloud.ErrRefused},
		{"a key twice", "hostname: a\nhostname: b", cloud.ErrRefused},
		{"deep", "a: " + strings.Repeat("[", 20000), cloud.ErrRefused},
		{"empty", "", cloud.ErrNotReady},
		{"no NIC", "instance-id: 1", cloud.ErrNotReady},
		{"network-config of another version", "network-config: {version: 2, ethernets: {}}", cloud.ErrNotReady},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse(cloud.Answers{Bodies: map[string][]byte{instance: []byte(tt.text), private: nil}})
			assert.ErrorIs(t, err, tt.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.Empty(t, m.NICs)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range cloudtest.Documents(f, ".txtar") {
		answers := cloudtest.Answers(raw)
		f.Add(answers.Bodies[instance], answers.Bodies[private])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		m, err := Parse(cloud.Answers{Bodies: map[string][]byte{instance: first, private: second}})
		if err == nil {
			cloudtest.Check(t, m)
		}
	})
}
