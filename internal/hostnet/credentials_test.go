package hostnet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSecret prints a secret in every way that happens by mistake.
func TestSecret(t *testing.T) {
	c := Credentials{AccessKeyID: "ASIA", SecretKey: "hush", Token: "hush"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "credentials", c, "pointer", &c, "key", c.SecretKey)
	for _, text := range []string{
		fmt.Sprint(c), fmt.Sprintf("%v %+v %#v", c, &c, c), fmt.Sprintf("%s %q", c.Token, c.Token),
		fmt.Errorf("using %v", c).Error(), log.String(),
	} {
		assert.NotContains(t, text, "hush")
		assert.Contains(t, text, "(secret)")
	}
	assert.Equal(t, "hush", c.SecretKey.Reveal())
	raw, err := json.Marshal(c)
	require.NoError(t, err)
	assert.JSONEq(t, `{"Code":"","Type":"","AccessKeyId":"ASIA","SecretAccessKey":"hush","Token":"hush"}`, string(raw))
}
