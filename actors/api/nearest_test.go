package api

import (
	"slices"
	"strconv"
	"testing"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

func TestNearest(t *testing.T) {
	racks := map[metadata.NodeID]string{1: "a", 2: "b", 3: "c", 4: "b", 5: "d", 6: "d"}
	image := &metadata.Image{Nodes: map[metadata.NodeID]*metadata.Node{}}
	p := &metadata.Partition{}
	for _, n := range []metadata.NodeID{1, 2, 3, 4, 5, 6} {
		image.Nodes[n] = &metadata.Node{ID: n, Rack: racks[n]}
		r := metadata.Replica{ID: storage.ReplicaID(n) * 10, Node: n}
		if n > 3 {
			r.Role = metadata.Reader
		}
		p.Replicas = append(p.Replicas, r)
	}
	for _, test := range []struct {
		name string
		rack string
		near []storage.ReplicaID
		down []metadata.NodeID
		want metadata.NodeID // 0 is the leader, node 1
	}{
		{name: "the leader's rack", rack: "a", near: []storage.ReplicaID{10, 20, 30}},
		{name: "a rack where nobody is", rack: "z", near: []storage.ReplicaID{10, 20, 30}},
		{name: "a voter's", rack: "c", near: []storage.ReplicaID{10, 20, 30}, want: 3},
		{name: "a voter's that is behind", rack: "c", near: []storage.ReplicaID{10, 20}},
		{name: "a voter's that is down", rack: "c", near: []storage.ReplicaID{10, 20, 30}, down: []metadata.NodeID{3}},
		{name: "a reader before a voter", rack: "b", near: []storage.ReplicaID{10, 20, 30, 40}, want: 4},
		{name: "the voter, for the reader is behind", rack: "b", near: []storage.ReplicaID{10, 20, 30}, want: 2},
		{name: "the voter, for the reader is down", rack: "b", near: []storage.ReplicaID{10, 20, 30, 40}, down: []metadata.NodeID{4}, want: 2},
	} {
		l := led{partition: p, view: &replica.View{Role: replica.Leader, Readers: test.near}}
		got, ok := nearest(image, l, test.rack, "client", 1, func(n metadata.NodeID) bool { return !slices.Contains(test.down, n) })
		if got != test.want || ok != (test.want != 0) {
			t.Errorf("%s: node %d (%t), want %d", test.name, got, ok, test.want)
		}
	}

	shared := map[metadata.NodeID]int{}
	l := led{partition: p, view: &replica.View{Role: replica.Leader, Readers: []storage.ReplicaID{50, 60}}}
	for i := range 200 {
		n, _ := nearest(image, l, "d", "client-"+strconv.Itoa(i), 1, func(metadata.NodeID) bool { return true })
		shared[n]++
	}
	if shared[5] < 40 || shared[6] < 40 {
		t.Errorf("200 clients are shared among two readers as %v", shared)
	}
}
