package operate

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node/hosting"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// ClusterStatus is the cluster in one view.
type ClusterStatus struct {
	ClusterID  string
	MetaLeader metadata.NodeID // -1 if unknown
	supervisor.Status
	Lost []hosting.Loss `json:",omitempty"` // replicas out of service on the node that was asked
}

// Cluster returns the cluster's status as the supervisor sees it, wherever that is.
func (o *Operator) Cluster(ctx context.Context) (ClusterStatus, error) {
	s := ClusterStatus{ClusterID: o.here.Image().ClusterID, MetaLeader: o.here.MetaLeader(), Lost: o.Hosting.Lost()}
	err := o.here.Until(ctx, o.Leaders.News(), func() bool { return o.here.MetaLeader() >= 0 })
	if err != nil {
		return s, fmt.Errorf("the metadata has no leader: a majority of the nodes that hold it must be up: %w", err)
	}
	leader := o.here.MetaLeader()
	if leader == o.here.ID {
		s.Status, err = o.planned(leader, question.Nothing{})
	} else {
		s.Status, err = planQuestion.Ask(ctx, o.here.Links, leader, question.Nothing{})
	}
	if err == nil {
		s.MetaLeader = leader
	}
	return s, err
}

// Replacement is what comes of declaring the disk of a node lost.
type Replacement struct {
	// partition by partition; none if the others have all of it
	Consequences []string `json:"consequences"`
	Draining     bool     `json:"draining"` // the node is being decommissioned, and stays so
}

// Replacing tells what would come of declaring the disk of a node lost. Nothing is changed.
func (o *Operator) Replacing(id metadata.NodeID) (Replacement, error) {
	image := o.here.Image()
	node := image.Nodes[id]
	if node == nil {
		return Replacement{}, protocol.Errorf(kerr.BrokerIDNotRegistered, "there is no node %d in the cluster", id)
	}
	r := Replacement{Consequences: []string{}, Draining: node.State == metadata.Draining}
	if !image.IsGone(id, node.Incarnation) {
		r.Consequences = append(r.Consequences, health.Loses(image, id)...)
	}
	return r, nil
}

// Administer gives __meta one of the operator's commands. A refusal says what to do.
func (o *Operator) Administer(ctx context.Context, c metadata.Command) error {
	r, err := o.Submit(ctx, c)
	if err != nil {
		return err
	}
	return refusal(r)
}

// Maintain puts a node into maintenance, or takes it out: its leaderships move away and stay away
// until then.
func (o *Operator) Maintain(ctx context.Context, id metadata.NodeID, on bool) error {
	return o.Administer(ctx, metadata.Command{RestNode: &metadata.RestNode{Node: id, On: on}})
}
