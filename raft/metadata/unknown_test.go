package metadata

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// tomorrow adds fields that no build knows to every value within v's JSON that has a place for
// them.
func tomorrow(raw json.RawMessage, t reflect.Type) json.RawMessage {
	switch t.Kind() {
	case reflect.Pointer:
		return tomorrow(raw, t.Elem())
	case reflect.Struct:
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil || fields == nil {
			return raw
		}
		l := layoutOf(t)
		for name, index := range l.fields {
			if value, ok := fields[name]; ok {
				fields[name] = tomorrow(value, t.FieldByIndex(index).Type)
			}
		}
		if l.unknown != nil {
			fields["Tomorrow"] = json.RawMessage(fmt.Sprintf(`{"Of":%q,"List":[1,2.5,null,"<&>"]}`, t.Name()))
			fields["Zulu"] = json.RawMessage(`18446744073709551615`)
		}
		return written(fields)
	case reflect.Slice:
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil || items == nil {
			return raw
		}
		for at := range items {
			items[at] = tomorrow(items[at], t.Elem())
		}
		return written(items)
	case reflect.Map:
		var items map[string]json.RawMessage
		if json.Unmarshal(raw, &items) != nil || items == nil {
			return raw
		}
		for k := range items {
			items[k] = tomorrow(items[k], t.Elem())
		}
		return written(items)
	}
	return raw
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	canonical := func(b []byte) string {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		out, _ := json.Marshal(v)
		return string(out)
	}
	return canonical(a) == canonical(b)
}

// furnished is a house in which every part of an image has something.
func furnished(t *testing.T) *house {
	h := newHouseOfThisBuild(t, 4)
	value, node := "1000", NodeID(2)
	c := registerThisBuild(5, 500)
	c.RegisterNode.Node.Listeners = []Listener{{Name: "PLAINTEXT", Host: "h", Port: 9092}}
	h.must(c)
	h.alter(1, 2, 5)
	h.must(Command{AlterConfigs: &AlterConfigs{Topic: &TopicID{1}, Set: map[string]*string{"retention.ms": &value}}})
	h.must(Command{AlterConfigs: &AlterConfigs{Node: &node, Set: map[string]*string{"replica.selector.class": &value}}})
	h.must(Command{RecordRecovery: &RecordRecovery{Recovery{Lost: []NodeID{4}, Shards: []RecoveredShard{{Shard: 256, Name: "t-0", Node: 1}}, Gone: []string{"x-0"}}}})
	return h
}

// Every value that an image is made of has a place for what a newer build adds, also those that are
// added to this build.
func TestEveryPartOfAnImageKeepsWhatIsUnknown(t *testing.T) {
	parts := layoutsOf(reflect.TypeFor[snapshot]())
	delete(parts, reflect.TypeFor[nextFields]())
	for part, l := range parts {
		if l.unknown == nil {
			t.Errorf("%v has no field Unknown", part)
		}
	}
	if len(parts) < 9 {
		t.Errorf("only %d parts: %v", len(parts), parts)
	}
}

// A snapshot of a newer build is restored, changed by commands and written again by this build
// without losing anything of it.
func TestASnapshotOfTomorrowSurvivesThisBuild(t *testing.T) {
	h := furnished(t)
	plain := h.m.Snapshot()
	newer := append([]byte{snapshotVersion}, tomorrow(plain[1:], reflect.TypeFor[snapshot]())...)
	if n := strings.Count(string(newer), "Tomorrow"); n < 15 {
		t.Fatalf("only %d additions: %s", n, newer)
	}
	if err := h.m.Restore(newer); err != nil {
		t.Fatal(err)
	}
	if !sameJSON(t, h.m.Snapshot()[1:], newer[1:]) {
		t.Fatalf("restored and written:\n%s\nwas\n%s", h.m.Snapshot(), newer)
	}
	for _, c := range []Command{
		{RestNode: &RestNode{Node: 2, On: true}},
		{AlterReplicas: &AlterReplicas{Shard: h.partition().Shard, Targets: voters(2, 1)}},
		{CreatePartitions: &CreatePartitions{ID: TopicID{1}, From: 1, Placement: [][]NodeID{{1}}}},
	} {
		h.must(c)
	}
	i := h.m.Image()
	left := []Unknown{i.Unknown, i.Nodes[2].Unknown, i.Nodes[5].Listeners[0].Unknown, i.Nodes[5].Features[ClusterVersion].Unknown, i.Topics["t"].Unknown,
		i.Partition("t", 0).Unknown, i.Partition("t", 0).Replicas[0].Unknown, i.Recoveries[0].Unknown, i.Recoveries[0].Shards[0].Unknown}
	for at, u := range left {
		if !strings.Contains(string(u), "Tomorrow") {
			t.Errorf("part %d has only %q after commands", at, u)
		}
	}
	if i.Partition("t", 1).Unknown != "" {
		t.Error("what this build made has something unknown")
	}
}

// A command of a newer build goes into the log byte for byte as it came, though an older build
// takes it apart on the way, and what it says of a node or a recovery is in the image.
func TestACommandOfTomorrowSurvivesThisBuild(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(samples())) {
		c := samples()[name]
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		newer := append([]byte{commandVersion}, tomorrow(data[1:], reflect.TypeFor[Command]())...)
		newer = bytes.Replace(newer, []byte(`":{`), []byte(`":{"Added":[{}],`), 1)
		newer = bytes.Replace(newer, []byte(`,}`), []byte(`}`), 1)
		decoded, err := Decode(newer)
		if err != nil {
			t.Fatalf("%s: %s: %v", name, newer, err)
		}
		if again, err := decoded.Encode(); err != nil || !bytes.Equal(again, newer) {
			t.Errorf("%s: came as %s, goes on as %s (%v)", name, newer, again, err)
		}
	}
	h := newHouseOfThisBuild(t, 3)
	data, err := new(registerThisBuild(2, life(2))).Encode()
	if err != nil {
		t.Fatal(err)
	}
	h.index++
	if _, err := h.m.Apply(h.index, 1, append([]byte{commandVersion}, tomorrow(data[1:], reflect.TypeFor[Command]())...)); err != nil {
		t.Fatal(err)
	}
	n := h.m.Image().Nodes[2]
	if !strings.Contains(string(n.Unknown), "Tomorrow") || !strings.Contains(string(n.Features[ClusterVersion].Unknown), "Tomorrow") {
		t.Errorf("%+v", n)
	}
	// The node's own word counts: what it does not say any more, after it went back to an older build,
	// is gone.
	h.must(registerThisBuild(2, life(2)))
	if n := h.m.Image().Nodes[2]; n.Unknown != "" {
		t.Errorf("%+v", n)
	}
}

// What is passed on between nodes keeps it as well, in types that are no part of an image.
func TestValuesWithinOtherTypesKeepWhatIsUnknown(t *testing.T) {
	type message struct {
		Node  Node
		Nodes []*Node `json:",omitempty"`
	}
	in := []byte(`{"Node":{"ID":1,"Zone":"z"},"Nodes":[{"ID":2,"Listeners":[{"Name":"P","Port":1,"TLS":true}],"Zone":"y"},null],"Else":1}`)
	var m message
	if err := Unmarshal(in, &m); err != nil || m.Node.ID != 1 || m.Nodes[0].Listeners[0].Port != 1 {
		t.Fatal(m, err)
	}
	out, err := Marshal(m)
	if err != nil || !strings.Contains(string(out), `"Zone":"z"`) || !strings.Contains(string(out), `"Zone":"y"`) || !strings.Contains(string(out), `"TLS":true`) {
		t.Errorf("%s, %v", out, err)
	}
	for _, bad := range []string{``, `{`, `[]`, `{"Node":{"ID":"x"}}`, `{"Node":{}}{}`} {
		if err := Unmarshal([]byte(bad), new(message)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
