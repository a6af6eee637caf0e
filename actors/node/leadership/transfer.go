package leadership

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

const (
	transferWithin = 5 * time.Second        // for a leadership to arrive where it is wanted
	transferAgain  = 500 * time.Millisecond // between two tries: raft gives one up without a word
)

// transfer asks a leader to hand a leadership over. JSON on the wire.
type transfer struct {
	Shard storage.ShardID
	To    metadata.NodeID
}

// Transfer has the replica on a node lead a shard, and waits until it does, but not for long.
func (l *Leaderships) Transfer(ctx context.Context, s storage.ShardID, to metadata.NodeID) error {
	ctx, cancel := l.here.Timeout(ctx, transferWithin)
	defer cancel()
	there := func() bool { at := l.Of(s); return at.Known && at.Node == to }
	for ctx.Err() == nil {
		l.askTransfer(ctx, transfer{s, to})
		wait, enough := l.here.Timeout(ctx, transferAgain)
		err := l.Await(wait, there)
		enough()
		if err == nil {
			return nil
		}
	}
	return protocol.Errorf(kerr.RequestTimedOut, "the leadership was not handed to node %d in time: is it up and in sync?", to)
}

// askTransfer asks the leader, wherever it is.
func (l *Leaderships) askTransfer(ctx context.Context, t transfer) {
	leader := l.Of(t.Shard)
	switch {
	case !leader.Known:
	case leader.Node == l.here.ID:
		_, _ = l.handOver(l.here.ID, t)
	default:
		if _, err := transferQuestion.Ask(ctx, l.here.Links, leader.Node, t); err != nil {
			l.here.Log.Debug("a leader could not be asked to hand over", "leader", leader.Node, "shard", t.Shard, "error", err)
		}
	}
}

// transferQuestion has a leader hand its leadership over; the answer is that it was asked.
var transferQuestion = question.Question[transfer, question.Nothing]{Name: "transfer"}

// handOver has this node's replica of a shard hand its leadership over.
func (l *Leaderships) handOver(_ metadata.NodeID, t transfer) (none question.Nothing, err error) {
	ref := l.replicas.Get(t.Shard)
	if ref == nil {
		return none, nil
	}
	for _, m := range ref.Members() {
		if m.Node == t.To {
			ref.Send(&replica.Transfer{To: m.Replica})
			break
		}
	}
	return none, nil
}
