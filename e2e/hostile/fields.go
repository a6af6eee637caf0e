package hostile

import (
	"fmt"
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/api"
)

// field is a place in a request that can be set: its path from the root, and how to reach it in a
// request of the same shape. Elements of an array are reached through its first.
type field struct {
	path string
	at   []int // index of a struct's field; -1 for the first element, -2 for what a pointer points to
}

// steps of field.at that are no struct's field.
const (
	element = -1
	pointed = -2
)

// shape is a request of one version, and what can be set in it.
type shape struct {
	key     kmsg.Key
	version int16
	fields  []field
}

func (s shape) String() string { return fmt.Sprintf("%s v%d", s.key.Name(), s.version) }

// shapes are all requests that a node speaks.
func shapes() (all []shape) {
	for _, known := range api.APIs() {
		key := known.Key
		for version := known.Min; version <= known.Max; version++ {
			s := shape{key: key, version: version}
			s.walk(reflect.TypeOf(kmsg.RequestForKey(int16(key))).Elem(), field{})
			all = append(all, s)
		}
	}
	return all
}

// walk collects what can be set below a type. Version is the request's own.
func (s *shape) walk(t reflect.Type, f field) {
	switch {
	case t == reflect.TypeFor[kmsg.Tags]():
		s.fields = append(s.fields, f)
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if name := t.Field(i).Name; t.Field(i).IsExported() && !(f.path == "" && name == "Version") {
				s.walk(t.Field(i).Type, f.below("."+name, i))
			}
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		s.fields = append(s.fields, f)
		s.walk(t.Elem(), f.below("[0]", element))
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		s.fields = append(s.fields, f)
		s.walk(t.Elem(), f.below("*", pointed))
	default:
		s.fields = append(s.fields, f)
	}
}

func (f field) below(name string, step int) field {
	return field{f.path + name, append(append([]int(nil), f.at...), step)}
}

// in finds the field in a request; false if another extreme has taken away what it is in.
func (f field) in(r kmsg.Request) (reflect.Value, bool) {
	v := reflect.ValueOf(r).Elem()
	for _, step := range f.at {
		switch {
		case step == pointed && v.IsNil(), step == element && v.Len() == 0:
			return v, false
		case step == pointed:
			v = v.Elem()
		case step == element:
			v = v.Index(0)
		default:
			v = v.Field(step)
		}
	}
	return v, true
}
