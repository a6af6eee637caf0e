package node

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// ClusterStatus is the cluster in one view.
type ClusterStatus struct {
	ClusterID  string
	MetaLeader metadata.NodeID // -1 if unknown
	supervisor.Status
	Lost []Loss `json:",omitempty"` // replicas out of service on the node that was asked
}

// Cluster returns the cluster's status as the supervisor sees it, wherever that is.
func (n *Node) Cluster(ctx context.Context) (ClusterStatus, error) {
	s := ClusterStatus{ClusterID: n.Image().ClusterID, MetaLeader: n.MetaLeader(), Lost: n.losses.list()}
	err := n.until(ctx, &n.leaders.news, func() bool { return n.MetaLeader() >= 0 })
	if err != nil {
		return s, fmt.Errorf("the metadata has no leader: a majority of the nodes that hold it must be up: %w", err)
	}
	leader := n.MetaLeader()
	var body []byte
	if leader == n.config.ID {
		body, err = n.planned()
	} else {
		body, err = n.links.Ask(ctx, leader, askPlan, nil)
	}
	if err != nil {
		return s, err
	}
	s.MetaLeader = leader
	return s, json.Unmarshal(body, &s.Status)
}

// Administer gives __meta one of the operator's commands. A refusal says what to do.
func (n *Node) Administer(ctx context.Context, c metadata.Command) error {
	r, err := n.Submit(ctx, c)
	if err != nil {
		return err
	}
	return refusal(r)
}
