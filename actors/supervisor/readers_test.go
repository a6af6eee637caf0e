package supervisor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// racked is a cluster of six nodes in the racks a, b, c, a, b, c with a topic of two partitions on
// the first three.
func racked() (*metadata.Image, *metadata.Topic) {
	i := &metadata.Image{Nodes: map[metadata.NodeID]*metadata.Node{}, Topics: map[string]*metadata.Topic{}}
	for n := range metadata.NodeID(6) {
		i.Nodes[n+1] = &metadata.Node{ID: n + 1, Rack: string(rune('a' + n%3))}
	}
	t := &metadata.Topic{Name: "t"}
	for n := range int32(2) {
		p := &metadata.Partition{Topic: "t", Index: n}
		for at := range metadata.NodeID(3) {
			p.Replicas = append(p.Replicas, metadata.Replica{Node: at + 1})
		}
		t.Partitions = append(t.Partitions, p)
	}
	i.Topics["t"] = t
	return i, t
}

func everywhere(metadata.NodeID) bool { return true }

func TestReaders(t *testing.T) {
	image, topic := racked()
	places := func(n int) string {
		t.Helper()
		changes, err := Readers(image, everywhere, topic, n)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, c := range changes {
			all = append(all, fmt.Sprint(c.Targets))
		}
		return strings.Join(all, " ")
	}
	if got := places(0); got != "" {
		t.Errorf("nothing is to change, and yet %s", got)
	}
	if got, want := places(1), "[{1 0} {2 0} {3 0} {4 1}] [{1 0} {2 0} {3 0} {5 1}]"; got != want {
		t.Errorf("one each: %s, want %s: evenly", got, want)
	}
	if got, want := places(3), "[{1 0} {2 0} {3 0} {4 1} {5 1} {6 1}] [{1 0} {2 0} {3 0} {4 1} {5 1} {6 1}]"; got != want {
		t.Errorf("three each: %s, want %s", got, want)
	}
	if _, err := Readers(image, everywhere, topic, 4); err == nil || !strings.Contains(err.Error(), "there is room for 3 read replicas, not 4") {
		t.Errorf("four each: %v", err)
	}
	if _, err := Readers(image, everywhere, topic, -1); err == nil {
		t.Error("-1 each")
	}

	// Those that are there stay; a rack without a replica comes first, a node that is not usable last.
	topic.Partitions = topic.Partitions[:1]
	topic.Partitions[0].Replicas = []metadata.Replica{{Node: 1}, {Node: 6, Role: metadata.Reader}}
	if got, want := places(2), "[{1 0} {6 1} {2 1}]"; got != want {
		t.Errorf("another: %s, want %s", got, want)
	}
	changes, err := Readers(image, func(n metadata.NodeID) bool { return n != 2 }, topic, 2)
	if err != nil || fmt.Sprint(changes[0].Targets) != "[{1 0} {6 1} {5 1}]" {
		t.Errorf("another, node 2 being down: %v, %v", changes, err)
	}
	if got, want := places(0), "[{1 0}]"; got != want {
		t.Errorf("none: %s, want %s", got, want)
	}
}
