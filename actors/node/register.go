package node

import (
	"encoding/base64"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// commandTimeout bounds the node's own commands; what fails is tried again.
const commandTimeout = 5 * time.Second

// register makes the node a member: it gives the cluster its id where this node leads __meta,
// enters the node into the image, opens the doors to clients, and says so.
func (n *Node) register() {
	for !n.registered() {
		formed := n.Image().ClusterID != ""
		switch {
		case !formed && n.leadsMeta():
			n.command(metadata.Command{FormCluster: &metadata.FormCluster{
				ClusterID: newClusterID(), Founders: n.identity.Load().Founders, Levels: n.formingLevels(),
			}})
		case formed && n.command(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: n.description()}}):
			n.entered()
			return
		default:
			n.awaitImage()
		}
	}
	n.entered()
}

// entered lets clients in.
func (n *Node) entered() {
	if n.stopped() {
		return
	}
	n.serving = n.world.Now()
	n.server.Start()
	close(n.ready)
	n.sweep()
	n.do(n.keepDescribed)
}

// Pauses between two tries to have the metadata show this node as it is.
const (
	describeAgain = 5 * time.Second
	describeMost  = 5 * time.Minute
)

// keepDescribed has the metadata show this node as it is, until the node stops. A leader of an
// older build may drop what it does not know, and does so again each time: it is tried after pauses
// that grow, and works once a newer build leads.
func (n *Node) keepDescribed() {
	pause := describeAgain
	for n.world.Wait(pause, n.stopping) != 0 {
		have := n.Image().Nodes[n.config.ID]
		if have == nil || have.Incarnation != n.identity.Load().Incarnation || n.registered() {
			pause = describeAgain
			continue
		}
		if pause = min(2*pause, describeMost); pause > 2*describeAgain {
			n.log.Warn("the metadata does not show this node as it is: a node of an older build led it when that was written", "next_try", pause)
		}
		ctx, cancel := n.world.Timeout(n.context, commandTimeout)
		_, err := n.Submit(ctx, metadata.Command{RegisterNode: &metadata.RegisterNode{Node: n.description()}})
		cancel()
		if err != nil {
			n.log.Debug("the metadata could not be told how this node is", "error", err)
		}
	}
}

func (n *Node) stopped() bool {
	select {
	case <-n.stopping:
		return true
	default:
		return false
	}
}

// awaitImage waits for another image, or a moment, or the end.
func (n *Node) awaitImage() {
	n.world.Wait(submitRetry, n.imaged.changed(), n.stopping)
}

func (n *Node) leadsMeta() bool {
	meta := n.meta.Load()
	return meta != nil && meta.View().Role == replica.Leader
}

// registered reports whether the image describes this node as it is. A node that is stopping need
// not be.
func (n *Node) registered() bool {
	have := n.Image().Nodes[n.config.ID]
	if have == nil {
		return n.stopped()
	}
	want := n.description()
	want.State = have.State
	return n.stopped() || reflect.DeepEqual(*have, want)
}

func (n *Node) description() metadata.Node {
	d := metadata.Node{
		ID:          n.config.ID,
		Incarnation: n.identity.Load().Incarnation,
		Rack:        n.config.Rack,
		Control:     n.config.Control.Advertised,
		Bulk:        n.config.Bulk.Advertised,
		Version:     n.config.Version,
		Features:    metadata.Features,
	}
	for _, l := range n.config.Listeners {
		d.Listeners = append(d.Listeners, metadata.Listener{Name: l.Name, Host: l.AdvertisedHost, Port: l.AdvertisedPort})
	}
	describeNext(&d)
	return d
}

// command submits one of the node's own commands and reports whether it was carried out; if not, it
// waits a moment. A refusal is final: it is about this node.
func (n *Node) command(c metadata.Command) bool {
	ctx, cancel := n.world.Timeout(n.context, commandTimeout)
	defer cancel()
	result, err := n.Submit(ctx, c)
	switch {
	case err != nil && !n.stopped():
		n.log.Warn("the metadata could not be changed yet, trying again", "error", err)
		n.awaitImage()
	case result.Err != nil:
		n.fail(result.Err)
	}
	return err == nil && result.Err == nil
}

// newClusterID draws a cluster id in Kafka's form: a random UUID in 22 characters of base64.
func newClusterID() string {
	id := uuid.New()
	return base64.RawURLEncoding.EncodeToString(id[:])
}
