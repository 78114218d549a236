package api

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// object is a JSON object whose keys come in order.
type object = map[string]any

// description describes all paths, in OpenAPI 3.1. The documents are described
// from the types that are encoded; what their fields mean is in netbrk(1).
func description(context.Context, Source) ([]byte, error) {
	s := schemas{}
	paths := object{}
	for _, r := range routes() {
		get := object{"summary": r.summary, "responses": r.responses(s)}
		head := object{"summary": r.summary + ", without the body", "responses": object{"200": object{"description": "It is there"}, "default": problemResponse(s)}}
		paths[r.path] = object{"get": get, "head": head}
	}
	return encode(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "netbrk", "version": "1",
			"description": "What netbrk knows of the host's links. GET and HEAD only, from this host only; see netbrk(1).",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":    []any{object{"url": "http://127.0.0.1:5209"}},
		"paths":      paths,
		"components": object{"schemas": s},
	}), nil
}

func (r route) responses(s schemas) object {
	var schema object
	switch len(r.of) {
	case 0:
		schema = object{"type": "string"}
		if r.media == mediaJSON {
			schema = object{"type": "object"}
		}
	case 1:
		schema = s.of(r.of[0])
	default:
		var choices []any
		for _, t := range r.of {
			choices = append(choices, s.of(t))
		}
		schema = object{"anyOf": choices}
	}
	responses := object{
		"200":     object{"description": r.summary, "content": object{r.media: object{"schema": schema}}},
		"default": problemResponse(s),
	}
	if r.absent {
		responses["404"] = problemResponse(s)
	}
	if r.refused {
		responses["403"] = problemResponse(s)
	}
	return responses
}

func problemResponse(s schemas) object {
	return object{
		"description": "Why there is no answer, and what to do",
		"content":     object{mediaJSON: object{"schema": s.of(reflect.TypeFor[Problem]())}},
	}
}

// schemas are those of the types with names, by name.
type schemas map[string]any

// of returns the schema of a type, as encoding/json writes it.
func (s schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return object{"type": "object"}
	case t.Implements(reflect.TypeFor[json.Marshaler]()) && t.PkgPath() == "time":
		return object{"type": "string", "format": "date-time"}
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		return object{}
	case t.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()):
		return object{"type": "string"} // an address, a prefix
	}
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string"} // in base64
		}
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		return s.named(t)
	}
	return object{} // anything
}

// named describes a struct once, and refers to it; one without a name in place.
func (s schemas) named(t reflect.Type) object {
	if t.Name() == "" {
		return s.structure(t)
	}
	if _, known := s[t.Name()]; !known {
		s[t.Name()] = nil // it may have itself within
		s[t.Name()] = s.structure(t)
	}
	return object{"$ref": "#/components/schemas/" + t.Name()}
}

func (s schemas) structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	for _, field := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" || field.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		schema := s.of(field.Type)
		words := strings.Split(options, ",")
		if slices.Contains(words, "string") {
			schema = object{"type": "string"}
		}
		if slices.Contains(words, "omitempty") || slices.Contains(words, "omitzero") {
			properties[name] = schema
			continue
		}
		required = append(required, name)
		if kind := field.Type.Kind(); kind == reflect.Pointer || kind == reflect.Slice || kind == reflect.Map {
			schema = object{"anyOf": []any{schema, object{"type": "null"}}}
		}
		properties[name] = schema
	}
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}
