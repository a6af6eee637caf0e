package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/node/hosting"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/recovery"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// PlanRecovery tells how the cluster would go on if the given nodes were lost for good. All others
// must be up, and none of the lost.
func (o *Operator) PlanRecovery(ctx context.Context, lost []metadata.NodeID) (recovery.Plan, error) {
	image := o.here.Image()
	refuse := func(format string, args ...any) (recovery.Plan, error) {
		return recovery.Plan{}, protocol.Errorf(kerr.InvalidRequest, format, args...)
	}
	if len(lost) == 0 || slices.Contains(lost, o.here.ID) {
		return refuse("name the nodes that are lost; node %d, which you ask, cannot be among them", o.here.ID)
	}
	for _, id := range lost {
		switch {
		case image.Nodes[id] == nil:
			return refuse("there is no node %d in the cluster", id)
		case o.here.Alive(id):
			return refuse("node %d is up: a node that is recovered without must never come back, so stop it for good first", id)
		}
	}
	survivors, err := o.Hosting.Survivors()
	if err != nil {
		return recovery.Plan{}, err
	}
	for id := range image.Nodes {
		if id == o.here.ID || slices.Contains(lost, id) {
			continue
		}
		theirs, err := hosting.LeftQuestion.Ask(ctx, o.here.Links, id, question.Nothing{})
		if err != nil {
			return refuse("node %d is neither said to be lost nor does it answer: bring it up, for it may have what the others lack, or name it too (%v)", id, err)
		}
		survivors = append(survivors, theirs...)
	}
	return recovery.Make(image, lost, survivors), nil
}

// Recover carries a plan out, if it is still the one that the operator saw: __meta first, which the
// rest is recorded in.
func (o *Operator) Recover(ctx context.Context, lost []metadata.NodeID, id string) (recovery.Plan, error) {
	p, err := o.PlanRecovery(ctx, lost)
	switch {
	case err != nil:
		return p, err
	case len(p.Steps) == 0:
		return p, protocol.Errorf(kerr.InvalidRequest, "there is nothing to recover: every shard that is left has a majority")
	case p.ID != id:
		return p, protocol.Errorf(kerr.InvalidRequest, "the cluster is not as it was when you were asked: look at the plan again")
	}
	var failed []string
	for _, s := range p.Steps {
		err := o.Hosting.ForceAt(ctx, s)
		if err == nil && s.Shard == metadata.MetaShard {
			err = o.here.Until(ctx, o.Leaders.News(), func() bool { return o.here.MetaLeader() >= 0 })
		}
		switch {
		case err == nil:
		case s.Shard == metadata.MetaShard:
			return p, fmt.Errorf("the metadata was not recovered, and nothing else was tried: %w", err)
		default:
			failed = append(failed, fmt.Sprintf("%s: %v", s.Name, err))
		}
	}
	if err := o.record(ctx, p); err != nil {
		failed = append(failed, fmt.Sprintf("the record of it: %v", err))
	}
	if len(failed) > 0 {
		return p, fmt.Errorf("not all was recovered, look again: %s", strings.Join(failed, "; "))
	}
	return p, nil
}

// record keeps in the metadata what was done, and that the lost nodes' disks never come back.
func (o *Operator) record(ctx context.Context, p recovery.Plan) error {
	r := metadata.Recovery{At: o.here.Now().UnixMilli(), Lost: p.Lost, Gone: p.Gone}
	for _, s := range p.Steps {
		r.Shards = append(r.Shards, metadata.RecoveredShard{Shard: s.Shard, Name: s.Name, Node: s.Node, HighWatermark: s.HighWatermark})
	}
	result, err := o.Submit(ctx, metadata.Command{RecordRecovery: &metadata.RecordRecovery{Recovery: r}})
	if err == nil && result.Err != nil {
		err = result.Err
	}
	return err
}
