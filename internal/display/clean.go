package display

import (
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean returns a document all of whose texts are fit for a terminal, and shares none
// of what it changes. It is done once, for all of them: which field holds what a script
// printed, a link is called or the metadata says is easily forgotten.
func clean[T any](doc T) T {
	v := reflect.ValueOf(&doc).Elem()
	if isClean(v) { // as nearly every document is: a copy takes ten times as long
		return doc
	}
	return cleanValue(v).Interface().(T)
}

// isClean reports whether all texts are as cleanText would leave them.
func isClean(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return !strings.ContainsFunc(v.String(), isUnfit)
	case reflect.Pointer:
		return v.IsNil() || isClean(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && !isClean(v.Field(i)) {
				return false
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if !isClean(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if !isClean(entries.Key()) || !isClean(entries.Value()) {
				return false
			}
		}
	}
	return true
}

// isUnfit reports whether a character is not printable: it could be of an escape
// sequence.
func isUnfit(r rune) bool { return r < ' ' || r > '~' && (!unicode.IsPrint(r) || r == utf8.RuneError) }

func cleanValue(v reflect.Value) reflect.Value {
	into := reflect.New(v.Type()).Elem()
	into.Set(v)
	switch v.Kind() {
	case reflect.String:
		into.SetString(cleanText(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			into.Set(reflect.New(v.Type().Elem()))
			into.Elem().Set(cleanValue(v.Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() { // else a time or an address, which hold no text
				into.Field(i).Set(cleanValue(v.Field(i)))
			}
		}
	case reflect.Slice:
		if !v.IsNil() {
			into.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				into.Index(i).Set(cleanValue(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			into.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for entries := v.MapRange(); entries.Next(); {
				into.SetMapIndex(cleanValue(entries.Key()), cleanValue(entries.Value()))
			}
		}
	}
	return into
}

func cleanText(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case isUnfit(r):
			return '?'
		}
		return r
	}, text)
}
