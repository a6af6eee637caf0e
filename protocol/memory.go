package protocol

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DecodeFactor is how many bytes of memory decoding takes at most for each byte of a body other
// than Produce's: kmsg makes an array as long as it claims to be before it reads the first element.
const DecodeFactor = 50

// producedBytes is about what a topic or a partition of a produce request takes, decoded.
const producedBytes = 64

// DecodedBytes is about how much memory a request takes beside the bytes of its body.
func DecodedBytes(r kmsg.Request) int {
	p, ok := r.(*kmsg.ProduceRequest)
	if !ok {
		return arrayBytes(reflect.ValueOf(r).Elem())
	}
	n := len(p.Topics)
	for i := range p.Topics {
		n += len(p.Topics[i].Partitions)
	}
	return n * producedBytes
}

// HeldBytes is about how much memory an answer takes, with its texts.
func HeldBytes(r kmsg.Response) int {
	v := reflect.ValueOf(r).Elem()
	return int(v.Type().Size()) + heldBytes(v)
}

// heldBytes is what a value takes beside itself.
func heldBytes(v reflect.Value) (n int) {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Pointer:
		if !v.IsNil() {
			return int(v.Type().Elem().Size()) + heldBytes(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += heldBytes(v.Field(i))
		}
	case reflect.Slice:
		n = v.Len() * int(v.Type().Elem().Size())
		switch v.Type().Elem().Kind() {
		case reflect.Struct, reflect.String, reflect.Pointer, reflect.Slice:
			for i := range v.Len() {
				n += heldBytes(v.Index(i))
			}
		}
	}
	return n
}

// arrayBytes is what all arrays under a value take, without their elements' own texts and bytes.
func arrayBytes(v reflect.Value) (n int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if k := v.Field(i).Kind(); k == reflect.Struct || k == reflect.Slice {
				n += arrayBytes(v.Field(i))
			}
		}
	case reflect.Slice:
		element := v.Type().Elem()
		if element.Kind() == reflect.Uint8 {
			return 0
		}
		n = v.Len() * int(element.Size())
		for i := 0; element.Kind() == reflect.Struct && i < v.Len(); i++ {
			n += arrayBytes(v.Index(i))
		}
	}
	return n
}
