package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/node/hosting"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// joinRequest is what a node tells that asks to become a member of a cluster that is there already,
// or to be a whole one again. JSON on the wire.
type joinRequest struct {
	Node metadata.Node
	// of the cluster that its disk is of; nil on an empty one
	Founders map[metadata.NodeID]uint64 `json:",omitempty"`
	// Gave is the incarnation that the node's disk gave up, so that it is gone, by the word of the one
	// who had it.
	Gave uint64 `json:",omitempty"`
	// LostMeta says that the disk holds no usable replica of the metadata any more: another one is to
	// take its place.
	LostMeta bool `json:",omitempty"`
}

// joinResponse is the answer: all that the node needs to receive the metadata.
type joinResponse struct {
	// why the node should ask again; the rest is then empty
	Again    string                     `json:",omitempty"`
	Founders map[metadata.NodeID]uint64 `json:",omitempty"`
	Nodes    []*metadata.Node           `json:",omitempty"`
	Meta     *metadata.Partition        `json:",omitempty"`
}

const (
	enterTimeout = 3 * time.Second // for one node to answer
	enterAgain   = 200 * time.Millisecond
)

// enterQuestion asks to be let in: by a node that nobody can have verified.
var enterQuestion = question.Question[joinRequest, joinResponse]{Name: "enter", Open: true}

// answerEnter answers a node that asks to be let in. That this one stops is no refusal: it asks
// again.
func (n *Node) answerEnter(from metadata.NodeID, e joinRequest, reply func(joinResponse, error)) {
	if !n.here.Do(func() { reply(n.admit(from, e)) }) {
		reply(joinResponse{Again: local.ErrStopping.Error()}, nil)
	}
}

// admit enters a node into the metadata. An error is a refusal.
func (n *Node) admit(_ metadata.NodeID, e joinRequest) (joinResponse, error) {
	me := n.here.Identity()
	switch {
	case e.Founders != nil && me.Founders != nil && !maps.Equal(e.Founders, me.Founders):
		return joinResponse{}, fmt.Errorf("the data directory of node %d is of another cluster than this one, %s: have it join that cluster, or give it an empty directory",
			e.Node.ID, n.here.Image().ClusterID)
	case n.here.Image().ClusterID == "" || me.Founders == nil:
		return joinResponse{Again: "the cluster has not formed yet"}, nil
	}
	commands, again := n.admitting(e)
	if again != "" {
		return joinResponse{Again: again}, nil
	}
	for _, c := range commands {
		ctx, cancel := n.here.Timeout(n.here.Context, enterTimeout/2)
		r, err := n.Submit(ctx, c)
		cancel()
		switch {
		case err != nil:
			return joinResponse{Again: err.Error()}, nil
		case r.Err != nil:
			return joinResponse{}, r.Err
		}
	}
	i := n.here.Image()
	a := joinResponse{Founders: me.Founders, Meta: i.Meta}
	for _, id := range slices.Sorted(maps.Keys(i.Nodes)) {
		a.Nodes = append(a.Nodes, i.Nodes[id])
	}
	return a, nil
}

// admitting returns what changes in the metadata when a node enters; again says why it has to wait.
func (n *Node) admitting(e joinRequest) (commands []metadata.Command, again string) {
	i := n.here.Image()
	if have := i.Nodes[e.Node.ID]; have != nil && have.Incarnation == e.Gave && e.Gave != 0 && have.State != metadata.Replacing {
		if why := n.needs(e.Node.ID); why != "" {
			return nil, why
		}
		commands = append(commands, metadata.Command{ReplaceNode: &metadata.ReplaceNode{Node: e.Node.ID, Incarnation: e.Gave}})
	}
	commands = append(commands, metadata.Command{RegisterNode: &metadata.RegisterNode{Node: e.Node}})
	if p, ok := n.here.Image().MetaOn(e.Node.ID, e.Node.Incarnation); ok && e.LostMeta {
		commands = append(commands, metadata.Command{ReplaceReplica: &metadata.ReplaceReplica{Shard: metadata.MetaShard, Replica: p.Replica.ID}})
	}
	return commands, ""
}

// enter has this node let in and takes up what it is told. It returns this node's replica of
// __meta.
func (n *Node) enter(lostMeta bool) (metadata.Placed, error) {
	a, err := n.askToJoin(lostMeta)
	if err != nil {
		return metadata.Placed{}, err
	}
	return n.takeUp(a)
}

// joinRequest is what this node asks to be let in by.
func (n *Node) joinRequest(lostMeta bool) joinRequest {
	id := n.here.Identity()
	return joinRequest{Node: n.Description(), Founders: id.Founders, Gave: id.Gave, LostMeta: lostMeta}
}

// askToJoin asks to be let in until some node answers.
func (n *Node) askToJoin(lostMeta bool) (joinResponse, error) {
	if len(n.config.Join) == 0 && len(n.here.ConfiguredPeers()) == 0 {
		return joinResponse{}, errors.New("there is no usable replica of the metadata in the data directory, and no other node to ask for it (join, peers): restore the directory")
	}
	e := n.joinRequest(lostMeta)
	reported := n.here.Now()
	if e.Gave != 0 && e.Founders == nil && n.here.Wait(noticeTime, n.here.Stopping) == 0 {
		return joinResponse{}, context.Canceled
	}
	for {
		a, err := n.ask(e)
		var refused *remote.RemoteError
		switch {
		case errors.As(err, &refused):
			return joinResponse{}, fmt.Errorf("the cluster does not let this node in: %s", refused.Text)
		case err == nil && a.Again == "":
			return a, nil
		case err == nil:
			err = errors.New(a.Again)
		}
		if n.here.Now().Sub(reported) > waitReport {
			n.here.Log.Warn("waiting to be let into the cluster", "join", n.config.Join, "error", err)
			reported = n.here.Now()
		}
		n.outside.Store(new(err.Error()))
		if n.here.Wait(enterAgain, n.here.Stopping) == 0 {
			return joinResponse{}, context.Canceled
		}
	}
}

// ask puts the request to the nodes this one was told of, until one lets it in or refuses it for
// good.
func (n *Node) ask(e joinRequest) (a joinResponse, err error) {
	for _, seed := range n.seeds() {
		a, err = n.askAt(seed, e)
		if err == nil && a.Again == "" || errors.As(err, new(*remote.RemoteError)) {
			break
		}
	}
	return a, err
}

// seed is a way to a node that this one was told of.
type seed func(ctx context.Context, body []byte) ([]byte, error)

// seeds are the nodes that this one was told of.
func (n *Node) seeds() (all []seed) {
	for _, at := range n.config.Join {
		all = append(all, func(ctx context.Context, body []byte) ([]byte, error) {
			return n.here.Links.AskAt(ctx, at, enterQuestion.Name, body)
		})
	}
	for _, peer := range n.here.ConfiguredPeers() {
		all = append(all, func(ctx context.Context, body []byte) ([]byte, error) {
			return n.here.Links.Ask(ctx, peer, enterQuestion.Name, body)
		})
	}
	return all
}

func (n *Node) askAt(at seed, e joinRequest) (joinResponse, error) {
	ctx, cancel := n.here.Timeout(n.here.Context, enterTimeout)
	defer cancel()
	return enterQuestion.AskBy(e, func(body []byte) ([]byte, error) { return at(ctx, body) })
}

// takeUp takes up a join response: the links to the others, the beginning of a replica of __meta,
// and which cluster this is.
func (n *Node) takeUp(a joinResponse) (metadata.Placed, error) {
	id := *n.here.Identity()
	for _, node := range a.Nodes {
		if node.ID != n.here.ID {
			n.here.Links.SetPeer(node.ID, remote.Address{Control: node.Control, Bulk: node.Bulk})
			n.reached[node.ID] = remote.Address{Control: node.Control, Bulk: node.Bulk}
		}
	}
	placed, ok := (&metadata.Image{Meta: a.Meta}).MetaOn(n.here.ID, id.Incarnation)
	if !ok {
		return placed, errors.New("the cluster let this node in without a replica of the metadata")
	}
	if n.gaveUpDisk() {
		if err := n.distrust(); err != nil {
			return placed, err
		}
	}
	if _, err := n.hosting.State(placed.Replica.ID); errors.Is(err, storage.ErrNotFound) {
		n.hosting.Write([]storage.Append{hosting.Begin(placed)})
	}
	if id.Founders == nil {
		if err := n.updateRecord(func(id *storage.Node) { id.Founders, id.GaveFounders = a.Founders, nil }); err != nil {
			return placed, err
		}
		n.here.Log.Info("joined the cluster", "nodes", len(a.Nodes))
	}
	return placed, nil
}

// checkIn tells the cluster that this node was told to join of its return, so that one that has no
// business there hears it. Until somebody answers.
func (n *Node) checkIn() {
	a, err := n.askToJoin(false)
	if err == nil {
		n.meet(a.Nodes)
	} else if !n.here.Stopped() {
		n.here.Fail(err)
	}
}

// inquire asks once where the other nodes are, as a node does that knows of no leader. One that was
// removed hears it by that.
func (n *Node) inquire() {
	a, err := n.ask(n.joinRequest(false))
	var refused *remote.RemoteError
	switch {
	case errors.As(err, &refused):
		n.here.Fail(fmt.Errorf("the cluster does not know this node any more: %s", refused.Text))
	case err == nil:
		n.meet(a.Nodes)
	}
}

// meet links nodes that came while this one was away: one of them may lead by now, and is only
// heard if it is answered.
func (n *Node) meet(nodes []*metadata.Node) {
	i := n.here.Image()
	for _, other := range nodes {
		if _, configured := n.config.Peers[other.ID]; other.ID != n.here.ID && !configured && i.Nodes[other.ID] == nil {
			n.here.Links.SetPeer(other.ID, remote.Address{Control: other.Control, Bulk: other.Bulk})
		}
	}
}

// MetaState returns what the disk holds of __meta and who its members are. If the disk holds
// nothing that can be used, or nothing yet, the cluster is asked.
func (n *Node) MetaState() (state storage.State, members replica.Members, version uint64, err error) {
	all, err := n.store.Replicas()
	if err != nil {
		return state, nil, 0, err
	}
	for _, s := range all { // the newest has the highest id
		if s.Shard == metadata.MetaShard && !n.gaveUpDisk() {
			state = s
		}
	}
	if state.Last.Index > 0 {
		return state, local.MetaMembers(n.here.Identity().Founders), 0, nil
	}
	placed, err := n.enter(state.Replica == 0)
	if err != nil {
		return state, nil, 0, err
	}
	state, err = n.hosting.State(placed.Replica.ID)
	return state, replica.Of(placed.Partition), placed.Partition.Version, err
}

// refusal is why the cluster did not let this node in when it last asked, empty if it did.
func (n *Node) refusal() string {
	if why := n.outside.Load(); why != nil {
		return *why
	}
	return ""
}
