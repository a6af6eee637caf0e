package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// hello is what a node tells of itself to a node it greets, and is told in answer. JSON on the
// wire.
type hello struct {
	Node        metadata.NodeID
	Incarnation uint64
	Peers       string // the peer list it was started with, in canonical form
	// incarnation by node; nil until it founded __meta, or joined
	Founders map[metadata.NodeID]uint64
	// Expelled tells the node that is answered that it is no member any more.
	Expelled bool `json:",omitempty"`
	// Gone tells the node that is asked that the disk of this incarnation, if it has it, is no
	// member's any more; 0 tells nothing.
	Gone uint64 `json:",omitempty"`
	// Clock is what the node's clock shows, in ms since the epoch; 0 from a build that does not tell.
	Clock int64 `json:",omitempty"`
	// Features are the levels that the node's build supports; nil from one of the first builds.
	Features map[string]metadata.Levels `json:",omitempty"`
}

// decision is what a node that has not founded yet does next.
type decision struct {
	found    bool
	founders map[metadata.NodeID]uint64
	wait     []metadata.NodeID // who has not answered yet, if not found
}

// decide reports whether a new node may found its replica of __meta. It may if every expected node
// has answered and none has founded (then those that answered are the founders), or if a node that
// founded counts it, with the disk it has now, among the founders. A node whose disk was lost is
// thereby kept from voting a second time under its old name.
func decide(me hello, expected []metadata.NodeID, answers map[metadata.NodeID]hello) (decision, error) {
	for _, n := range slices.Sorted(maps.Keys(answers)) {
		if err := compatible(me, answers[n]); err != nil {
			return decision{}, err
		}
	}
	if me.Founders != nil {
		return decision{found: true, founders: me.Founders}, nil
	}
	var founders map[metadata.NodeID]uint64
	for _, n := range slices.Sorted(maps.Keys(answers)) {
		if f := answers[n].Founders; f != nil {
			if f[me.Node] != me.Incarnation {
				return decision{}, errForeignDisk{me.Node, n}
			}
			founders = f
		}
	}
	if founders != nil {
		return decision{found: true, founders: founders}, nil
	}
	founders = map[metadata.NodeID]uint64{me.Node: me.Incarnation}
	var wait []metadata.NodeID
	for _, n := range expected {
		if answer, ok := answers[n]; ok {
			founders[n] = answer.Incarnation
		} else if n != me.Node {
			wait = append(wait, n)
		}
	}
	return decision{found: len(wait) == 0, founders: founders, wait: wait}, nil
}

// compatible tells why two nodes cannot be of one cluster.
func compatible(me, other hello) error {
	switch {
	case me.Founders != nil && other.Founders != nil && !maps.Equal(me.Founders, other.Founders):
		return fmt.Errorf("node %d belongs to another cluster than the data directory of this node %d: check the peers of both", other.Node, me.Node)
	case me.Founders == nil && me.Peers != other.Peers && !other.without(me.Node):
		return errPeerLists(me, other)
	}
	return nil
}

// without reports whether a node is of a cluster that this one was a founder of, and has no list of
// its founders any more: it is started with `join`, because it joined later, or because another
// founder is no more. Then no lists differ.
func (h *hello) without(founder metadata.NodeID) bool {
	_, was := h.Founders[founder]
	return h.Peers == "" && was
}

func errPeerLists(me, other hello) error {
	return fmt.Errorf("the peer lists of node %d and node %d differ, so they will not form a cluster: node %d was started with [%s], node %d with [%s]; "+
		"start both with the same list", me.Node, other.Node, me.Node, me.Peers, other.Node, other.Peers)
}

// errForeignDisk says that the cluster was founded, and not with this node's data directory: it can
// only join as a new member.
type errForeignDisk struct{ node, founder metadata.NodeID }

func (e errForeignDisk) Error() string {
	return fmt.Sprintf("node %d knows node %d with another data directory than this one, which is empty: a node that lost its data must not vote under its old id",
		e.founder, e.node)
}

// canonical writes a peer list in one way, so that two can be compared and shown.
func canonical(peers map[metadata.NodeID]remote.Address) string {
	var all []string
	for _, n := range slices.Sorted(maps.Keys(peers)) {
		all = append(all, fmt.Sprintf("%d@%s", n, peers[n].Control))
	}
	return strings.Join(all, ",")
}

// foundMeta returns what founds the replica of __meta on node n.
func foundMeta(n metadata.NodeID, founders map[metadata.NodeID]uint64) storage.Append {
	var voters, learners []storage.ReplicaID
	for _, m := range local.MetaMembers(founders) {
		if len(voters) < metadata.MetaVoters(len(founders)) {
			voters = append(voters, m.Replica)
		} else {
			learners = append(learners, m.Replica)
		}
	}
	return raft.Found(metadata.MetaShard, metadata.MetaReplica(n), voters, learners)
}
