package imdstest

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOptionalTokens has Alibaba's two modes.
func TestOptionalTokens(t *testing.T) {
	rule := tokenRules()["alibaba"]
	var issued tokens
	put := httptest.NewRequest(http.MethodPut, tokenPath, nil)
	put.Header.Set("X-aliyun-ecs-metadata-token-ttl-seconds", "60")
	answer, _ := issued.check(rule, false, put)
	require.Equal(t, http.StatusOK, answer.Status)
	good := string(answer.Body)
	for _, tt := range []struct {
		name     string
		hardened bool
		token    string
		code     int // 0 for one that may go on
	}{
		{"normal without", false, "", 0},
		{"normal with", false, good, 0},
		{"normal with a bad one", false, "bad", 401},
		{"hardened without", true, "", 403},
		{"hardened with", true, good, 0},
		{"hardened with a bad one", true, "bad", 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			get := httptest.NewRequest(http.MethodGet, "/latest/meta-data/mac", nil)
			if tt.token != "" {
				get.Header.Set("X-aliyun-ecs-metadata-token", tt.token)
			}
			answer, ok := issued.check(rule, tt.hardened, get)
			assert.Equal(t, tt.code == 0, ok)
			assert.Equal(t, tt.code, answer.Status)
		})
	}
}

func TestTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var issued tokens
		put := httptest.NewRequest(http.MethodPut, tokenPath, nil)
		put.Header.Set(tokenRules()["aws"].ttlHeader, "60")
		token := string(issued.issue(tokenRules()["aws"], put).Body)
		<-time.After(59 * time.Second)
		assert.True(t, issued.good(token))
		<-time.After(2 * time.Second)
		assert.False(t, issued.good(token))
	})
}
