package node

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/raft/metadata"
)

var update = flag.Bool("update", false, "write the golden files anew: only for what was added")

// messages are all that nodes send each other as JSON, by the question that it is asked or answered
// with: a zero value of each.
func messages() map[string]reflect.Value {
	n := &Node{here: local.New(local.Options{Runtime: actors.Goroutines{}})}
	n.answerQuestions()
	all := make(map[string]reflect.Value)
	for _, name := range n.questions.Names() {
		f := n.questions.Form(name)
		if f.Request != nil {
			all[name] = reflect.New(f.Request).Elem()
		}
		if f.Response != nil && f.Response != f.Request {
			all[name+"-answer"] = reflect.New(f.Response).Elem()
		}
	}
	return all
}

// fill sets every field within v to something that is not its zero value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for at := range v.NumField() {
			if f := v.Type().Field(at); f.Tag.Get("json") != "-" && (f.IsExported() || f.Anonymous) && v.Field(at).CanSet() {
				fill(v.Field(at))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Array:
		fill(v.Index(0))
	case reflect.Map:
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(k)
		fill(e)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(k, e)
	case reflect.String:
		v.SetString("s")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8:
		v.SetUint(1)
	default:
		v.SetUint(1 << 31)
	}
}

// What nodes send each other is written as it was, so that nodes of two builds understand each
// other. A field may be added: then its file is written anew, and the difference must be that field
// alone.
func TestGoldenMessages(t *testing.T) {
	all := messages()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v := all[name]
		fill(v)
		got, err := metadata.Marshal(v.Interface())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := filepath.Join("testdata", "messages", name+".json")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: written as\n%s\nwas\n%s", name, got, want)
		}
		back := reflect.New(v.Type())
		if err := json.Unmarshal(want, back.Interface()); err != nil || !reflect.DeepEqual(back.Elem().Interface(), v.Interface()) {
			t.Errorf("%s: read as %+v (%v), was %+v", name, back.Elem(), err, v)
		}
	}
}

// Everything that the first build sent is still sent under its name, and read: the files are its
// own. What is asked for by name alone must not be missing to a node of that build.
func TestWhatTheFirstBuildSentIsStillSent(t *testing.T) {
	files, err := os.ReadDir(filepath.Join("testdata", "first"))
	if err != nil || len(files) < 16 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".json")
		var first, now any
		for dir, v := range map[string]*any{"first": &first, "messages": &now} {
			b, err := os.ReadFile(filepath.Join("testdata", dir, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, v); err != nil {
				t.Fatal(err)
			}
		}
		if !within(first, now) {
			t.Errorf("%s: %v is not all in %v", name, first, now)
		}
	}
}

// within reports whether all of a JSON value is in another one.
func within(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, same := b.(map[string]any)
		for k, v := range a {
			if !same || !within(v, b[k]) {
				return false
			}
		}
		return true
	case []any:
		b, same := b.([]any)
		if !same || len(a) != len(b) {
			return false
		}
		for at := range a {
			if !within(a[at], b[at]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// What a newer build adds to a message keeps nobody from reading the rest of it: with a field more
// in every object it is read as without, and what carries the metadata's types has it still.
func TestUnknownFieldsOfMessages(t *testing.T) {
	object := regexp.MustCompile(`\{("[A-Z])`) // not a map, whose keys are numbers or small
	for name, v := range messages() {
		b, err := os.ReadFile(filepath.Join("testdata", "messages", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		more := object.ReplaceAll(b, []byte(`{"Tomorrow":{"is":1},$1`))
		if err := metadata.Unmarshal(more, v.Addr().Interface()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		kept, err := metadata.Marshal(v.Interface())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var first, now any
		if json.Unmarshal(b, &first) != nil || json.Unmarshal(kept, &now) != nil || !within(first, now) {
			t.Errorf("%s: read as %s, was %s", name, kept, more)
		}
		if name == "enter" && !strings.Contains(string(kept), "Tomorrow") {
			t.Errorf("a node that asks to be let in is handed on as %s, was %s", kept, more)
		}
	}
}
