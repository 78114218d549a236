package aws

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const credentialsDocument = `{"Code":"Success","LastUpdated":"2026-11-24T02:00:00Z","Type":"AWS-HMAC",
"AccessKeyId":"ASIA1","SecretAccessKey":"hush/+=","Token":"hush==","Expiration":"2026-11-24T08:00:00Z"}`

func TestCredentials(t *testing.T) {
	want := hostnet.Credentials{
		Role: "web", Code: "Success", LastUpdated: time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC), Type: "AWS-HMAC",
		AccessKeyID: "ASIA1", SecretKey: "hush/+=", Token: "hush==", Expiration: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC),
	}
	ofRole := &cloudtest.Getter{Bodies: map[string]string{rolesKey: "web\n", rolesKey + "web": credentialsDocument}}
	got, err := Provider{}.Credentials(t.Context(), ofRole)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	want.Role = ""
	for _, bodies := range []map[string]string{
		{identityCredentialsKey: credentialsDocument},
		{identityCredentialsKey: credentialsDocument, rolesKey: "\n"},
	} {
		got, err = Provider{}.Credentials(t.Context(), &cloudtest.Getter{Bodies: bodies})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestCredentialsRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, roles, document string
		want                  error
	}{
		{"none", "", "", cloud.ErrAbsent},
		{"a role with none", "web", "", cloud.ErrAbsent},
		{"not to be assumed", "web", `{"Code":"AssumeRoleUnauthorizedAccess","Message":"hush"}`, cloud.ErrAbsent},
		{"a role elsewhere", "../../user-data", credentialsDocument, cloud.ErrRefused},
		{"a role that is none", "..", credentialsDocument, cloud.ErrRefused},
		{"a page", "web", "<hush>", cloud.ErrRefused},
		{"half", "web", `{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"hush"}`, cloud.ErrRefused},
		{"lines", "web", `{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"hush\nhush","Token":"hush"}`, cloud.ErrRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &cloudtest.Getter{Bodies: map[string]string{}}
			if tt.roles != "" {
				g.Bodies[rolesKey] = tt.roles
			}
			if tt.document != "" {
				g.Bodies[rolesKey+tt.roles] = tt.document
			}
			_, err := Provider{}.Credentials(t.Context(), g)
			assert.ErrorIs(t, err, tt.want)
			assert.NotContains(t, err.Error(), "hush")
		})
	}
	_, err := Provider{}.Credentials(t.Context(), &cloudtest.Getter{Errs: map[string]error{rolesKey: cloud.ErrNotReady}})
	assert.ErrorIs(t, err, cloud.ErrNotReady)
}

func FuzzCredentials(f *testing.F) {
	f.Add("web", credentialsDocument)
	f.Fuzz(func(t *testing.T, roles, document string) {
		g := &cloudtest.Getter{Bodies: map[string]string{rolesKey: roles, rolesKey + "web": document, identityCredentialsKey: document}}
		c, err := Provider{}.Credentials(t.Context(), g)
		if err != nil {
			return
		}
		assert.True(t, isToken(cloud.Text(c.SecretKey)) && isToken(cloud.Text(c.Token)) && c.AccessKeyID != "")
		assert.Subset(t, []string{rolesKey, rolesKey + "web", identityCredentialsKey}, g.Asked())
	})
}
