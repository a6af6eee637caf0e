package node

import (
	"encoding/base64"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// register makes the node a member: it gives the cluster its id where this node leads __meta,
// enters the node into the image, opens the doors to clients, and says so.
func (n *Node) register() {
	for !n.registered() {
		formed := n.here.Image().ClusterID != ""
		switch {
		case !formed && n.here.LeadsMeta():
			n.command(metadata.Command{FormCluster: &metadata.FormCluster{
				ClusterID: newClusterID(), Founders: n.here.Identity().Founders, Levels: n.formingLevels(),
			}})
		case formed && n.command(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: n.Description()}}):
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
	if n.here.Stopped() {
		return
	}
	n.serving = n.here.Now()
	n.server.Start()
	close(n.ready)
	n.hosting.Sweep()
	n.here.Do(n.keepDescribed)
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
	for n.here.Wait(pause, n.here.Stopping) != 0 {
		have := n.here.Image().Nodes[n.here.ID]
		if have == nil || have.Incarnation != n.here.Identity().Incarnation || n.registered() {
			pause = describeAgain
			continue
		}
		if pause = min(2*pause, describeMost); pause > 2*describeAgain {
			n.here.Log.Warn("the metadata does not show this node as it is: a node of an older build led it when that was written", "next_try", pause)
		}
		ctx, cancel := n.here.Timeout(n.here.Context, local.CommandTimeout)
		_, err := n.Submit(ctx, metadata.Command{RegisterNode: &metadata.RegisterNode{Node: n.Description()}})
		cancel()
		if err != nil {
			n.here.Log.Debug("the metadata could not be told how this node is", "error", err)
		}
	}
}

// registerAgain is how long to wait for another image before what was refused is tried again.
const registerAgain = 50 * time.Millisecond

// awaitImage waits for another image, or a moment, or the end.
func (n *Node) awaitImage() {
	n.here.Wait(registerAgain, n.here.Imaged.Changed(), n.here.Stopping)
}

// registered reports whether the image describes this node as it is. A node that is stopping need
// not be.
func (n *Node) registered() bool {
	have := n.here.Image().Nodes[n.here.ID]
	if have == nil {
		return n.here.Stopped()
	}
	want := n.Description()
	want.State = have.State
	return n.here.Stopped() || reflect.DeepEqual(*have, want)
}

func (n *Node) Description() metadata.Node {
	at := n.Addresses()
	d := metadata.Node{
		ID:          n.here.ID,
		Incarnation: n.here.Identity().Incarnation,
		Rack:        n.config.Rack,
		Control:     at.Control.Advertised,
		Bulk:        at.Bulk.Advertised,
		Version:     n.config.Version,
		Features:    metadata.Features,
	}
	for _, l := range at.Listeners {
		d.Listeners = append(d.Listeners, metadata.Listener{Name: l.Name, Host: l.AdvertisedHost, Port: l.AdvertisedPort})
	}
	describeNext(&d)
	return d
}

// command submits one of the node's own commands and reports whether it was carried out; if not, it
// waits a moment. A refusal is final: it is about this node.
func (n *Node) command(c metadata.Command) bool {
	ctx, cancel := n.here.Timeout(n.here.Context, local.CommandTimeout)
	defer cancel()
	result, err := n.Submit(ctx, c)
	switch {
	case err != nil && !n.here.Stopped():
		n.here.Log.Warn("the metadata could not be changed yet, trying again", "error", err)
		n.awaitImage()
	case result.Err != nil:
		n.here.Fail(result.Err)
	}
	return err == nil && result.Err == nil
}

// newClusterID draws a cluster id in Kafka's form: a random UUID in 22 characters of base64.
func newClusterID() string {
	id := uuid.New()
	return base64.RawURLEncoding.EncodeToString(id[:])
}
