package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

const (
	greetTimeout = 500 * time.Millisecond // for one peer to answer a hello
	greetAgain   = 50 * time.Millisecond  // between two rounds
	waitReport   = 5 * time.Second        // between two lines that say who is waited for
)

// join opens this node's replica of __meta: founding it where that is safe, else as a new member of
// the cluster.
func (n *Node) join() error {
	if n.here.Identity().Founders != nil {
		if err := n.checkRollback(); err != nil {
			return err
		}
	}
	n.proved.Store(true)
	switch founded := n.here.Identity().Founders != nil; {
	case founded && len(n.config.Join) > 0:
		n.here.Do(n.checkIn)
	case founded:
	case len(n.config.Join) > 0:
		if _, err := n.enter(false); err != nil {
			return err
		}
	default:
		if err := n.begin(); err != nil {
			return err
		}
	}
	return n.hosting.OpenMeta()
}

// begin makes a node with an empty disk one of the founders; if the cluster was founded without
// this disk, a new member. A disk that was given up had been part of a cluster: it never founds
// another.
func (n *Node) begin() error {
	if n.here.Identity().Gave != 0 {
		_, err := n.enter(false)
		return err
	}
	founders, err := n.agree()
	if foreign := (errForeignDisk{}); errors.As(err, &foreign) {
		n.here.Log.Info("the cluster was founded without this data directory: asking to be let in", "founder", foreign.founder)
		_, err = n.enter(false)
		return err
	}
	if err != nil {
		return err
	}
	return n.found(founders)
}

// hello is what this node tells of itself.
func (n *Node) hello() hello {
	id := n.here.Identity()
	return hello{
		Node: n.here.ID, Incarnation: id.Incarnation,
		Peers: canonical(n.config.Peers), Founders: id.Founders, Clock: n.here.Now().UnixMilli(),
		Features: metadata.Features,
	}
}

// agree greets the peers until this node may found.
func (n *Node) agree() (map[metadata.NodeID]uint64, error) {
	expected := n.expected()
	reported := n.here.Now()
	for {
		next := n.here.Linked.Changed()
		answers := n.greet(expected)
		d, err := decide(n.hello(), expected, answers)
		if err != nil {
			return nil, err
		}
		if d.found {
			n.greeting.Store(&answers)
			return d.founders, nil
		}
		if n.here.Now().Sub(reported) > waitReport {
			n.here.Log.Info("waiting for nodes to form the cluster with", "nodes", d.wait, "peers", canonical(n.config.Peers))
			reported = n.here.Now()
		}
		if n.here.Wait(greetAgain, next, n.here.Stopping) == 1 {
			return nil, context.Canceled
		}
	}
}

func (n *Node) expected() []metadata.NodeID {
	expected := []metadata.NodeID{n.here.ID}
	return append(expected, n.here.ConfiguredPeers()...)
}

// greet says hello to all and returns the answers that came in time.
func (n *Node) greet(nodes []metadata.NodeID) map[metadata.NodeID]hello {
	me := n.hello()
	answers := make(map[metadata.NodeID]hello)
	var mu sync.Mutex
	var each []func()
	for _, peer := range nodes {
		if peer == n.here.ID {
			continue
		}
		each = append(each, func() {
			if answer, ok := n.greetOne(peer, me); ok {
				mu.Lock()
				defer mu.Unlock()
				answers[peer] = answer
			}
		})
	}
	actors.Together(n.here, each...)
	return answers
}

// clocks greets nodes and returns what the clocks of those that answered show.
func (n *Node) clocks(nodes []metadata.NodeID) map[metadata.NodeID]int64 {
	all := make(map[metadata.NodeID]int64)
	for id, h := range n.greet(nodes) {
		all[id] = h.Clock
	}
	return all
}

// helloQuestion is how a node greets another: they recognise each other by it.
var helloQuestion = question.Question[hello, hello]{Name: "hello", Open: true}

func (n *Node) greetOne(peer metadata.NodeID, me hello) (hello, bool) {
	ctx, cancel := n.here.Timeout(n.here.Context, greetTimeout)
	defer cancel()
	h, err := helloQuestion.Ask(ctx, n.here.Links, peer, me)
	return h, err == nil
}

// found writes this node's replica of __meta and then who the founders are: a crash in between
// founds the same once more.
func (n *Node) found(founders map[metadata.NodeID]uint64) error {
	if _, err := n.hosting.State(metadata.MetaReplica(n.here.ID)); err != nil {
		n.hosting.Write([]storage.Append{foundMeta(n.here.ID, founders)})
	}
	if err := n.updateRecord(func(id *storage.Node) { id.Founders = founders }); err != nil {
		return err
	}
	n.here.Log.Info("founded the metadata", "founders", len(founders))
	return nil
}
