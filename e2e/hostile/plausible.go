package hostile

import (
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// World is what honest requests name: things that are there.
type World struct {
	Topic   string
	TopicID [16]byte
	Batch   []byte // a record batch that a producer could send
}

// plausible is a request of a shape that an honest client could send: one element in each array,
// things that are there, short waits.
func (w World) plausible(s shape) kmsg.Request {
	r := kmsg.RequestForKey(int16(s.key))
	if d, ok := r.(interface{ Default() }); ok {
		d.Default()
	}
	w.fill(reflect.ValueOf(r).Elem(), "")
	r.SetVersion(s.version)
	return r
}

func (w World) fill(v reflect.Value, name string) {
	switch {
	case v.Type() == reflect.TypeFor[kmsg.Tags]():
	case v.Type() == reflect.TypeFor[[16]byte]():
		v.Set(reflect.ValueOf(w.TopicID))
	case v.Kind() == reflect.Struct:
		if d, ok := v.Addr().Interface().(interface{ Default() }); ok {
			d.Default()
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				w.fill(v.Field(i), v.Type().Field(i).Name)
			}
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		if name == "Records" {
			v.SetBytes(w.Batch)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		w.fill(v.Index(0), strings.TrimSuffix(name, "s"))
	case v.Kind() == reflect.Pointer && name != "TransactionID":
		v.Set(reflect.New(v.Type().Elem()))
		w.fill(v.Elem(), name)
	case v.Kind() == reflect.String:
		v.SetString(w.text(name))
	case v.CanInt() && strings.HasSuffix(name, "Millis"):
		v.SetInt(200)
	case v.CanInt() && (name == "Acks" || name == "ReplicationFactor"):
		v.SetInt(1)
	case v.CanInt() && (name == "Count" || name == "NumPartitions"):
		v.SetInt(2)
	}
}

// text is what a string of that name says.
func (w World) text(name string) string {
	switch {
	case strings.Contains(name, "Topic"):
		return w.Topic
	case strings.Contains(name, "Group"):
		return "group"
	case strings.HasPrefix(name, "Protocol"):
		return "consumer"
	case strings.Contains(name, "Member"), strings.Contains(name, "Transaction"), name == "InstanceID":
		return ""
	case name == "ClientSoftwareName", name == "ClientSoftwareVersion":
		return "1"
	}
	return "name"
}
