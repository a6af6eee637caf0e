package hostile

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// extreme is a value at the edge of a type: what it is called, and how a field is set to it.
type extreme struct {
	name string
	set  func(v reflect.Value)
}

// extremes are those of a field's type.
func (w World) extremes(t reflect.Type) []extreme {
	switch {
	case t == reflect.TypeFor[kmsg.Tags]():
		return tagged
	case t == reflect.TypeFor[[16]byte]():
		return ids
	case t.Kind() == reflect.Bool:
		return booleans
	case t.Kind() == reflect.String:
		return texts
	case t.Kind() == reflect.Float64:
		return floats
	case t.Kind() == reflect.Pointer:
		return w.nullable(t)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return w.blobs()
	case t.Kind() == reflect.Slice:
		return arrays
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		return integers(t.Bits())
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		return []extreme{{"max", func(v reflect.Value) { v.SetUint(math.MaxUint64 >> (64 - t.Bits())) }}}
	}
	return nil
}

func integers(bits int) (all []extreme) {
	top := int64(math.MaxInt64) >> (64 - bits)
	for _, n := range []int64{0, -1, -2, 1, 1000, top, top - 1, -top - 1} {
		if n <= top {
			all = append(all, extreme{fmt.Sprint(n), func(v reflect.Value) { v.SetInt(n) }})
		}
	}
	return all
}

var booleans = []extreme{
	{"true", func(v reflect.Value) { v.SetBool(true) }},
	{"false", func(v reflect.Value) { v.SetBool(false) }},
}

var floats = []extreme{
	{"NaN", func(v reflect.Value) { v.SetFloat(math.NaN()) }},
	{"-1", func(v reflect.Value) { v.SetFloat(-1) }},
	{"+Inf", func(v reflect.Value) { v.SetFloat(math.Inf(1)) }},
}

var ids = []extreme{
	{"no id", func(v reflect.Value) { v.SetZero() }},
	{"another's id", func(v reflect.Value) { v.Set(reflect.ValueOf([16]byte{1, 2, 3})) }},
	{"all ones", func(v reflect.Value) { v.Set(reflect.ValueOf([16]byte(bytes.Repeat([]byte{255}, 16)))) }},
}

// nullable are null and, of what is no structure, the extremes of what may stand there.
func (w World) nullable(t reflect.Type) []extreme {
	all := []extreme{{"null", func(v reflect.Value) { v.SetZero() }}}
	if t.Elem().Kind() == reflect.Struct {
		return all
	}
	for _, e := range w.extremes(t.Elem()) {
		all = append(all, extreme{e.name, func(v reflect.Value) {
			v.Set(reflect.New(t.Elem()))
			e.set(v.Elem())
		}})
	}
	return all
}

var texts = func() (all []extreme) {
	for name, s := range map[string]string{
		"": "", ".": ".", "250 letters": strings.Repeat("x", 250), "32767 bytes": strings.Repeat("x", 32767),
		"no UTF-8": "\xff\xfe\xfd", "zeros": "\x00\x00", "__consumer_offsets": "__consumer_offsets", "__meta": "__meta",
		"a path": "../../etc/passwd", "1 MB": strings.Repeat("x", 1<<20), "a pattern": "(a+)+$", "a script": "<script>alert(1)</script>\r\n\x1b[31m",
		"a number": "-9223372036854775808",
	} {
		all = append(all, extreme{name, func(v reflect.Value) { v.SetString(s) }})
	}
	return inOrder(all)
}()

func (w World) blobs() []extreme {
	blob := func(name string, b []byte) extreme {
		return extreme{name, func(v reflect.Value) { v.SetBytes(b) }}
	}
	all := []extreme{
		blob("null", nil), blob("empty", []byte{}), blob("a byte", []byte{7}), blob("zeros", make([]byte, 61)),
		blob("1 MB of zeros", make([]byte, 1<<20)), blob("1 MB of ones", bytes.Repeat([]byte{255}, 1<<20)),
	}
	for at := 0; at < len(w.Batch); at += 3 { // a batch with some bytes at their most
		b := bytes.Clone(w.Batch)
		copy(b[at:], bytes.Repeat([]byte{0x7f, 0xff, 0xff, 0xff}, 1))
		all = append(all, blob(fmt.Sprintf("a batch with 7fffffff at %d", at), b))
	}
	return append(all, blob("ten batches", bytes.Repeat(w.Batch, 10)), blob("half a batch", w.Batch[:len(w.Batch)/2]))
}

// mostBytes is about the most that one array makes of a request: more than socket.request.max.bytes
// is refused unread.
const mostBytes = 48 << 20

// arrays are lengths of an array: all elements are the first one again, so that they are duplicates
// too.
var arrays = []extreme{
	{"null", func(v reflect.Value) { v.SetZero() }},
	{"empty", func(v reflect.Value) { v.Set(reflect.MakeSlice(v.Type(), 0, 0)) }},
	{"twice", func(v reflect.Value) { repeat(v, 2) }},
	{"10000 times", func(v reflect.Value) { repeat(v, 10_000) }},
	{"a million times", func(v reflect.Value) { repeat(v, 1_000_000) }},
	{"10000 others", func(v reflect.Value) { repeat(v, 10_000); number(v) }},
}

// repeat makes an array of n times its first element, or of as many as a request can hold.
func repeat(v reflect.Value, n int) {
	if v.Len() == 0 {
		return
	}
	n = min(n, mostBytes/max(size(v.Index(0)), 2))
	all := reflect.MakeSlice(v.Type(), n, n)
	for i := range n {
		all.Index(i).Set(v.Index(0))
	}
	v.Set(all)
}

// number makes elements differ: by their first string, or number, which is often their name.
func number(v reflect.Value) {
	for i := range v.Len() {
		numberOne(v.Index(i), i)
	}
}

func numberOne(v reflect.Value, i int) bool {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("%s%d", v.String(), i))
		return true
	case v.CanInt():
		v.SetInt(int64(i) & (math.MaxInt64 >> (64 - v.Type().Bits())))
		return true
	case v.Kind() == reflect.Struct:
		for f := range v.NumField() {
			if v.Type().Field(f).IsExported() && numberOne(v.Field(f), i) {
				return true
			}
		}
	}
	return false
}

// size is about what a value takes in a request.
func size(v reflect.Value) (n int) {
	if t, is := v.Interface().(kmsg.Tags); is {
		t.Each(func(_ uint32, value []byte) { n += len(value) + 8 })
		return n + 1
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				n += size(v.Field(i))
			}
		}
		return n
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Len() + 4
		}
		for i := range v.Len() {
			n += size(v.Index(i))
		}
		return n + 4
	case reflect.Pointer:
		if v.IsNil() {
			return 1
		}
		return 1 + size(v.Elem())
	case reflect.String:
		return v.Len() + 2
	}
	return int(v.Type().Size())
}

var tagged = []extreme{
	{"10000 tags", func(v reflect.Value) { tag(v, 10_000, nil) }},
	{"a tag of 1 MB", func(v reflect.Value) { tag(v, 1, make([]byte, 1<<20)) }},
}

func tag(v reflect.Value, n int, value []byte) {
	var t kmsg.Tags
	for i := range n {
		t.Set(uint32(1000+i), value)
	}
	v.Set(reflect.ValueOf(t))
}

func inOrder(all []extreme) []extreme {
	slices.SortFunc(all, func(a, b extreme) int { return strings.Compare(a.name, b.name) })
	return all
}
