package metadata

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Unknown is what a newer build wrote into a value that this build has no field for: a JSON object,
// empty if there is nothing. Every type that an image is made of has a field of this type and name,
// so that nothing is lost on the way through an older build: neither in the image, nor in a
// snapshot of it. A string, so that values stay comparable.
type Unknown string

// Unmarshal reads JSON into v, a pointer, and keeps in the Unknown fields what it has no other
// fields for.
func Unmarshal(b []byte, v any) error {
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	if strict.Decode(v) == nil && !strict.More() {
		return nil // nearly always: nothing is unknown
	}
	to := reflect.ValueOf(v).Elem()
	to.SetZero()
	if err := json.Unmarshal(b, v); err != nil {
		return err
	}
	keep(b, to)
	return nil
}

// Marshal writes v as JSON with what Unmarshal kept.
func Marshal(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if at := reflect.ValueOf(v); err == nil && keeps(at) {
		b = merge(b, at)
	}
	return b, err
}

// layout is what a struct looks like in JSON.
type layout struct {
	fields  map[string][]int // index by name
	unknown []int            // index of the Unknown field, nil if there is none
}

// layouts are those of all that images and commands are made of; layouts of other types are made
// when they are asked for.
var layouts = layoutsOf(reflect.TypeFor[snapshot](), reflect.TypeFor[Command]())

func layoutsOf(types ...reflect.Type) map[reflect.Type]*layout {
	all := make(map[reflect.Type]*layout)
	for len(types) > 0 {
		t := types[0]
		types = types[1:]
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			types = append(types, t.Elem())
		case reflect.Struct:
			if all[t] != nil {
				continue
			}
			s := newLayout(t)
			all[t] = s
			for _, index := range s.fields {
				types = append(types, t.FieldByIndex(index).Type)
			}
		}
	}
	return all
}

func newLayout(t reflect.Type) *layout {
	s := &layout{fields: make(map[string][]int)}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Type == reflect.TypeFor[Unknown]():
			s.unknown = f.Index
		case f.Anonymous || !f.IsExported() || name == "-":
		case name != "":
			s.fields[name] = f.Index
		default:
			s.fields[f.Name] = f.Index
		}
	}
	return s
}

func layoutOf(t reflect.Type) *layout {
	if s := layouts[t]; s != nil {
		return s
	}
	return newLayout(t)
}

// field returns the field that JSON of this name is read into, as encoding/json finds it; false if
// there is none.
func (s *layout) field(name string) ([]int, bool) {
	if index, exact := s.fields[name]; exact {
		return index, true
	}
	for have, index := range s.fields {
		if strings.EqualFold(have, name) {
			return index, true
		}
	}
	return nil, false
}

// keep puts what is unknown in raw into the Unknown fields of v, which was read from it.
func keep(raw json.RawMessage, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			keep(raw, v.Elem())
		}
	case reflect.Struct:
		keepFields(raw, v)
	case reflect.Slice, reflect.Array:
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) == nil {
			for at := range min(len(items), v.Len()) {
				keep(items[at], v.Index(at))
			}
		}
	case reflect.Map:
		var items map[string]json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return
		}
		for _, k := range v.MapKeys() {
			item := reflect.New(v.Type().Elem()).Elem()
			item.Set(v.MapIndex(k))
			keep(items[fmt.Sprint(k.Interface())], item)
			v.SetMapIndex(k, item)
		}
	}
}

func keepFields(raw json.RawMessage, v reflect.Value) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return // null, or a type that reads itself
	}
	s := layoutOf(v.Type())
	for name, value := range fields {
		if index, known := s.field(name); known {
			keep(value, v.FieldByIndex(index))
			delete(fields, name)
		}
	}
	if len(fields) > 0 && s.unknown != nil {
		b, _ := json.Marshal(fields) // was read as JSON just now
		v.FieldByIndex(s.unknown).SetString(string(b))
	}
}

// keeps reports whether anything within v is unknown.
func keeps(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && keeps(v.Elem())
	case reflect.Struct:
		s := layoutOf(v.Type())
		if s.unknown != nil && v.FieldByIndex(s.unknown).Len() > 0 {
			return true
		}
		for _, index := range s.fields {
			if keeps(v.FieldByIndex(index)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array, reflect.Map:
		return holds(v.Type().Elem()) && keepsWithin(v)
	}
	return false
}

// keepsWithin reports whether any element of a slice, an array or a map keeps what is unknown.
func keepsWithin(v reflect.Value) bool {
	for _, element := range v.Seq2() {
		if keeps(element) {
			return true
		}
	}
	return false
}

// holds reports whether a type can have anything unknown within.
func holds(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}

// merge returns v's JSON with what is unknown.
func merge(raw json.RawMessage, v reflect.Value) json.RawMessage {
	if !keeps(v) {
		return raw
	}
	switch v.Kind() {
	case reflect.Pointer:
		return merge(raw, v.Elem())
	case reflect.Struct:
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil {
			return raw
		}
		s := layoutOf(v.Type())
		for name, index := range s.fields {
			if value, written := fields[name]; written {
				fields[name] = merge(value, v.FieldByIndex(index))
			}
		}
		if s.unknown != nil {
			var more map[string]json.RawMessage
			if json.Unmarshal([]byte(v.FieldByIndex(s.unknown).String()), &more) == nil {
				maps.Copy(fields, more)
			}
		}
		return written(fields)
	case reflect.Slice, reflect.Array:
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return raw
		}
		for at := range items {
			items[at] = merge(items[at], v.Index(at))
		}
		return written(items)
	case reflect.Map:
		var items map[string]json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return raw
		}
		for _, k := range v.MapKeys() {
			name := fmt.Sprint(k.Interface())
			items[name] = merge(items[name], v.MapIndex(k))
		}
		return written(items)
	}
	return slices.Clone(raw)
}

// written writes what was read as JSON before.
func written(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("metadata: parts of JSON cannot be written: %v", err))
	}
	return b
}
