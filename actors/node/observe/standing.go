package observe

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// errNotLeading answers a node that takes this one for a leader which it is not, or not any more.
var errNotLeading = errors.New("node: the shard is not led here")

// Standing implements api.Cluster.
func (o *Observer) Standing(ctx context.Context, s storage.ShardID) (api.Standing, error) {
	l := o.Leaders.Of(s)
	var out api.Standing
	var err error
	switch {
	case !l.Known:
		return out, protocol.Errorf(kerr.LeaderNotAvailable, "no leader is known that could tell")
	case l.Node == o.here.ID:
		out, err = o.standingHere(ctx, s)
	default:
		out, err = standingQuestion.Ask(ctx, o.here.Links, l.Node, s)
	}
	if err != nil {
		return out, protocol.Errorf(kerr.LeaderNotAvailable, "node %d, which leads, did not tell: %v", l.Node, err)
	}
	return out, nil
}

func (o *Observer) standingHere(ctx context.Context, s storage.ShardID) (api.Standing, error) {
	ref := o.Replicas.Get(s)
	if ref == nil {
		return api.Standing{}, errNotLeading
	}
	asked := local.GatherFrom[replica.Standing](1)
	ref.Send(&replica.Observe{Done: func(s replica.Standing) { asked.Add(s) }, Gone: func() { asked.Add() }})
	for _, at := range asked.Wait(ctx, o.here) {
		if at.Established {
			return o.standingOf(at), nil
		}
	}
	return api.Standing{}, errNotLeading
}

// standingOf makes of what a leader says what is told of it.
func (o *Observer) standingOf(at replica.Standing) api.Standing {
	out := api.Standing{Leader: o.here.ID, Epoch: int32(at.Term), Commit: at.Commit, Members: []api.MemberStanding{
		{Replica: at.Replica, Node: o.here.ID, InReach: true, Match: at.Last},
	}}
	for _, f := range at.Followers {
		out.Members = append(out.Members, api.MemberStanding{
			Replica: f.Replica, Node: f.Node, Learner: f.Learner, InReach: f.InReach, Match: at.Last - f.Lag, Lag: f.Lag, Behind: f.Behind,
		})
	}
	return out
}

// standingQuestion asks the leader of a shard how its members stand.
var standingQuestion = question.Question[storage.ShardID, api.Standing]{Name: "standing"}

func (o *Observer) standingAsked(_ metadata.NodeID, s storage.ShardID) (api.Standing, error) {
	ctx, cancel := o.here.Timeout(o.here.Context, observeWithin)
	defer cancel()
	return o.standingHere(ctx, s)
}
