package node

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// reached is what the reconciling goroutine knows of the links it made.
type reached map[metadata.NodeID]remote.Address

// Reach links this node with the nodes of the image. The founders' addresses of the configuration
// hold until one registers with another; a node that was removed keeps its link while it is up, to
// hear of it. One that the image does not have, but does not say is gone either, stays: the image
// may be that of a node that begins anew and knows nobody yet.
func (n *Node) Reach(i *metadata.Image) {
	for _, id := range slices.Sorted(maps.Keys(i.Nodes)) {
		node := i.Nodes[id]
		a := remote.Address{Control: node.Control, Bulk: node.Bulk}
		before, known := n.reached[id]
		_, configured := n.config.Peers[id]
		if id != n.here.ID && before != a && (known || !configured) {
			n.here.Links.SetPeer(id, a)
		}
		n.reached[id] = a
	}
	for id, a := range n.reached {
		if i.Nodes[id] == nil && len(i.Gone[id]) > 0 && a != (remote.Address{}) && id != n.here.ID && !n.here.Links.Up(id) {
			n.here.Links.RemovePeer(id)
			n.reached[id] = remote.Address{} // it is linked anew if it comes back, a founder too
		}
	}
}

// Expelled reports whether this node, with the disk it has, is no member of the cluster any more,
// and ends it.
func (n *Node) Expelled(i *metadata.Image) bool {
	if !i.IsGone(n.here.ID, n.here.Identity().Incarnation) {
		return false
	}
	n.expel(i)
	return true
}

var errExpelled = errors.New("this node, with this data directory, was removed from the cluster or declared lost, and cannot come back under its old identity: " +
	"empty the data directory, then have the node join again")

// expel ends a node that is no member any more: as asked if it was drained while it ran, else over
// an error.
func (n *Node) expel(i *metadata.Image) {
	me := i.Nodes[n.here.ID]
	if n.accompanied.Load() && (me == nil || me.State == metadata.Draining) {
		n.leave()
		return
	}
	n.here.Fail(errExpelled)
}

// Left is closed when the node was removed from the cluster while it ran: it should be stopped, and
// need not be started again.
func (n *Node) Left() <-chan struct{} { return n.left }

// standing finds out whether the cluster has gone on without this node: one that was removed may
// not have received the word of it, and one that was away may not know who leads by now. Until the
// node stops.
func (n *Node) standing() {
	alone := 0
	n.here.Every(standingEvery, func(time.Time) {
		if alone++; n.here.MetaLeader() >= 0 {
			alone = 0
			n.accompanied.Store(true)
		}
		if alone < 2 {
			return
		}
		for _, other := range n.greet(n.here.Peers()) {
			if other.Expelled {
				n.expel(n.here.Image())
				return
			}
		}
		n.inquire()
	})
}

const standingEvery = 2 * time.Second

// greeted answers a hello.
func (n *Node) greeted(_ metadata.NodeID, other hello) (hello, error) {
	me := n.hello()
	if me.Founders == nil && me.Peers != other.Peers {
		n.here.Log.Error("a node with another peer list was refused", "error", errPeerLists(me, other))
	}
	if other.Gone != 0 && other.Gone == me.Incarnation && maps.Equal(other.Founders, me.Founders) {
		n.expel(n.here.Image())
	}
	me.Expelled = n.here.Image().IsGone(other.Node, other.Incarnation)
	return me, nil
}
