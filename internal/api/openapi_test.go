package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func described(t *testing.T) object {
	t.Helper()
	var doc object
	require.NoError(t, json.Unmarshal([]byte(text(t, ask(fake{}, http.MethodGet, openAPIPath))), &doc))
	return doc
}

// at follows a path of keys into a document.
func at(t *testing.T, doc any, keys ...string) any {
	t.Helper()
	for _, key := range keys {
		o, ok := doc.(object)
		require.True(t, ok, "%v", keys)
		require.Contains(t, o, key)
		doc = o[key]
	}
	return doc
}

// faults tells where a value is not what its schema says: the part of JSON Schema
// that the description uses, anything else being a fault itself.
func faults(doc object, schema any, value any, where string) []string {
	s := schema.(object)
	if name, ok := s["$ref"].(string); ok {
		named := doc["components"].(object)["schemas"].(object)[strings.TrimPrefix(name, "#/components/schemas/")]
		if named == nil {
			return []string{where + ": " + name + " is nowhere"}
		}
		return faults(doc, named, value, where)
	}
	if choices, ok := s["anyOf"].([]any); ok {
		var all []string
		for _, choice := range choices {
			found := faults(doc, choice, value, where)
			if len(found) == 0 {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	var found []string
	for key := range s {
		if !slices.Contains([]string{"type", "properties", "required", "additionalProperties", "items", "format", "minimum"}, key) {
			found = append(found, where+": the schema has "+key)
		}
	}
	wrong := func() []string {
		return append(found, fmt.Sprintf("%s: %v is not of type %v", where, value, s["type"]))
	}
	switch s["type"] {
	case nil:
	case "null":
		if value != nil {
			return wrong()
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return wrong()
		}
	case "string":
		if _, ok := value.(string); !ok {
			return wrong()
		}
	case "number", "integer":
		n, ok := value.(float64)
		if !ok || s["type"] == "integer" && n != math.Trunc(n) || s["minimum"] != nil && n < s["minimum"].(float64) {
			return wrong()
		}
	case "array":
		list, ok := value.([]any)
		if !ok {
			return wrong()
		}
		for i, item := range list {
			found = append(found, faults(doc, s["items"], item, fmt.Sprintf("%s[%d]", where, i))...)
		}
	case "object":
		o, ok := value.(object)
		if !ok {
			return wrong()
		}
		found = append(found, objectFaults(doc, s, o, where)...)
	default:
		return wrong()
	}
	return found
}

func objectFaults(doc, schema, value object, where string) []string {
	var found []string
	properties, _ := schema["properties"].(object)
	required, _ := schema["required"].([]any)
	for _, key := range required {
		if _, ok := value[key.(string)]; !ok {
			found = append(found, fmt.Sprintf("%s: %s is absent", where, key))
		}
	}
	for key, item := range value {
		switch other := schema["additionalProperties"].(type) {
		case object:
			found = append(found, faults(doc, other, item, where+"."+key)...)
		case bool:
			if known, ok := properties[key]; ok {
				found = append(found, faults(doc, known, item, where+"."+key)...)
			} else {
				found = append(found, where+": "+key+" is not described")
			}
		}
	}
	return found
}

// TestDescription holds what is described to what is answered: the paths, both
// ways, the types of the answers, and each document to its schema.
func TestDescription(t *testing.T) {
	doc := described(t)
	assert.Equal(t, "3.1.0", doc["openapi"])
	paths := at(t, doc, "paths").(object)
	var served []string
	for _, r := range routes() {
		served = append(served, r.path)
	}
	assert.ElementsMatch(t, served, slices.Collect(maps.Keys(paths)))
	for path, item := range paths {
		assert.ElementsMatch(t, []string{"get", "head"}, slices.Collect(maps.Keys(item.(object))))
		for _, provider := range []string{"", "aws", "azure", "gcp", "hetzner"} {
			t.Run(path+" "+provider, func(t *testing.T) {
				got := ask(fake{provider: provider}, http.MethodGet, path)
				code := fmt.Sprint(got.StatusCode)
				answer := at(t, item, "get", "responses", code)
				media := got.Header.Get("Content-Type")
				schema := at(t, answer, "content", media, "schema")
				var value any = text(t, got)
				if media == mediaJSON {
					require.NoError(t, json.Unmarshal([]byte(value.(string)), &value))
				}
				assert.Empty(t, faults(doc, schema, value, path))
			})
		}
	}
}

// TestDescriptionRefuses makes sure that a document can be at fault.
func TestDescriptionRefuses(t *testing.T) {
	doc := described(t)
	schema := at(t, doc, "paths", "/api/v1/links", "get", "responses", "200", "content", mediaJSON, "schema")
	for _, tt := range []struct{ name, old, with, want string }{
		{"another type", `"ifindex":2`, `"ifindex":"2"`, "links[0].ifindex: 2 is not of type integer"},
		{"no integer", `"ifindex":2`, `"ifindex":2.5`, "not of type integer"},
		{"an absent key", `"ifindex":2,`, ``, "links[0]: ifindex is absent"},
		{"another key", `"ifindex":2,`, `"ifindex":2,"secret":1,`, "links[0]: secret is not described"},
		{"null for a list", `"links":[`, `"x":[`, "x is not described"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := text(t, ask(fake{}, http.MethodGet, "/api/v1/links"))
			require.Contains(t, body, tt.old)
			var value any
			require.NoError(t, json.Unmarshal([]byte(strings.Replace(body, tt.old, tt.with, 1)), &value))
			found := faults(doc, schema, value, "")
			require.NotEmpty(t, found)
			assert.Contains(t, strings.Join(found, "\n"), tt.want)
		})
	}
}
