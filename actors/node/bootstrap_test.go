package node

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

type founders = map[metadata.NodeID]uint64

// of3 is what node n of three says before it founded; its disk is 100+n.
func of3(n metadata.NodeID) hello {
	return hello{Node: n, Incarnation: 100 + uint64(n), Peers: "1,2,3"}
}

func founded(h hello, f founders) hello { h.Founders = f; return h }

func TestDecide(t *testing.T) {
	all := founders{1: 101, 2: 102, 3: 103}
	newDisk := of3(1)
	newDisk.Incarnation = 777
	otherList, noList := of3(2), of3(2)
	otherList.Peers, noList.Peers = "1,2", ""
	for _, test := range []struct {
		name     string
		me       hello
		answers  []hello
		founders founders // nil: it waits, or
		wait     []metadata.NodeID
		says     string // an error that says so
	}{
		{name: "nobody has answered", me: of3(1), wait: []metadata.NodeID{2, 3}},
		{name: "two of three are no reason to found: the third may be of another mind", me: of3(1), answers: []hello{of3(2)}, wait: []metadata.NodeID{3}},
		{name: "all have answered", me: of3(1), answers: []hello{of3(2), of3(3)}, founders: all},
		{name: "one has founded and counts this disk in: the third need not answer", me: of3(1), answers: []hello{founded(of3(2), all)}, founders: all},
		{name: "this one has founded: it waits for nobody", me: founded(of3(1), all), founders: all},
		{name: "it founded with these", me: founded(of3(1), all), answers: []hello{founded(of3(2), all), of3(3)}, founders: all},
		{name: "this disk is not the one that founded: it must not vote", me: newDisk, answers: []hello{founded(of3(2), all), founded(of3(3), all)},
			says: "another data directory than this one, which is empty"},
		{name: "not one of the founders", me: hello{Node: 4, Incarnation: 104, Peers: "1,2,3"}, answers: []hello{founded(of3(2), all)}, says: "another data directory"},
		{name: "another list of peers", me: of3(1), answers: []hello{otherList, of3(3)}, says: "node 1 was started with [1,2,3], node 2 with [1,2]"},
		{name: "another list of peers, of one that founded", me: of3(1), answers: []hello{founded(otherList, founders{1: 101, 2: 102})}, says: "[1,2]"},
		{name: "the others are started with join by now, and this disk was replaced", me: newDisk, answers: []hello{founded(noList, all)}, says: "another data directory"},
		{name: "the others are started with join by now, and this disk is the one that founded", me: of3(1), answers: []hello{founded(noList, all)}, founders: all},
		{name: "a stranger with another list than one that is started with join", me: hello{Node: 4, Incarnation: 104, Peers: "2,4"}, answers: []hello{founded(noList, all)}, says: "differ"},
		{name: "one that founded alone", me: of3(1), answers: []hello{founded(noList, founders{2: 102})}, says: "the peer lists of node 1 and node 2 differ"},
		{name: "another cluster on this disk", me: founded(of3(1), all), answers: []hello{founded(of3(2), founders{1: 101, 2: 999, 3: 103})}, says: "belongs to another cluster"},
		{name: "the list was changed after the founding: the disk counts", me: founded(otherList, all), answers: []hello{founded(of3(1), all)}, founders: all},
	} {
		t.Run(test.name, func(t *testing.T) {
			answers := map[metadata.NodeID]hello{}
			for _, a := range test.answers {
				answers[a.Node] = a
			}
			d, err := decide(test.me, []metadata.NodeID{1, 2, 3}, answers)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("error %v, want one that says %q", err, test.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.found != (test.founders != nil) || d.found && !maps.Equal(d.founders, test.founders) || !slices.Equal(d.wait, test.wait) {
				t.Fatalf("decided %+v, want founders %v, wait for %v", d, test.founders, test.wait)
			}
		})
	}
}

// Whoever decides at whatever moment of whatever order of starts, two nodes never found with
// different members.
func TestNobodyFoundsAnotherCluster(t *testing.T) {
	expected := []metadata.NodeID{1, 2, 3}
	var visit func(state map[metadata.NodeID]hello)
	seen := map[string]bool{}
	visit = func(state map[metadata.NodeID]hello) {
		key := ""
		var one founders
		for _, n := range expected {
			f := state[n].Founders
			if f == nil {
				key += "."
				continue
			}
			key += "f"
			if one == nil {
				one = f
			}
			if !maps.Equal(one, f) || len(f) != 3 {
				t.Fatalf("founded with %v and %v", one, f)
			}
		}
		if seen[key] {
			return
		}
		seen[key] = true
		for _, me := range expected {
			for heard := range 8 { // any set of answers may have come in
				answers := map[metadata.NodeID]hello{}
				for _, n := range expected {
					if n != me && heard&(1<<(n-1)) != 0 {
						answers[n] = state[n]
					}
				}
				d, err := decide(state[me], expected, answers)
				if err != nil {
					t.Fatal(err)
				}
				if d.found && state[me].Founders == nil {
					next := maps.Clone(state)
					next[me] = founded(state[me], d.founders)
					visit(next)
				}
			}
		}
	}
	visit(map[metadata.NodeID]hello{1: of3(1), 2: of3(2), 3: of3(3)})
	if !seen["fff"] {
		t.Fatalf("nobody ever founded everything: %v", seen)
	}
}

func TestFoundersAreVotersUpToFive(t *testing.T) {
	all := founders{}
	for n := range metadata.NodeID(7) {
		all[n+1] = uint64(n)
	}
	var first storage.Append
	for n := range all {
		a := foundMeta(n, all)
		if a.State.Replica != metadata.MetaReplica(n) || a.State.Shard != metadata.MetaShard {
			t.Errorf("node %d founds %+v", n, a.State)
		}
		conf := a.Checkpoint.Conf
		if len(conf.Voters) != metadata.MetaVoters(len(all)) || len(conf.Learners) != 2 {
			t.Errorf("node %d founds with voters %v and learners %v", n, conf.Voters, conf.Learners)
		}
		if first.Checkpoint != nil && !slices.Equal(first.Checkpoint.Conf.Voters, conf.Voters) {
			t.Errorf("founders disagree: %v and %v", first.Checkpoint.Conf.Voters, conf.Voters)
		}
		first = a
	}
}

func TestPeerListsAreComparedWhateverTheirOrder(t *testing.T) {
	a := map[metadata.NodeID]remote.Address{2: {Control: "b:2"}, 1: {Control: "a:1"}, 10: {Control: "c:3"}}
	if got := canonical(a); got != "1@a:1,2@b:2,10@c:3" {
		t.Errorf("canonical form %q", got)
	}
}
