package sim

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// follower is a consumer that does what Java's does (KIP-320, KIP-392): it fetches with the leader
// epoch that it knows, has its position validated by OffsetForLeaderEpoch when the leader is
// another one, and reads from a replica in its rack if it is sent there. It does not reset its
// position by itself: to be told of a truncation, or that its position is out of range while the
// record at it is still there, is a violation.
type follower struct {
	*client
	rack string
	at   map[partition]*position
}

// position is how far a follower has read a partition.
type position struct {
	offset    int64
	epoch     int32 // of the last record that was read; -1 before the first
	validated int32 // the leader epoch that the position was last validated in
	near      metadata.NodeID
	preferred bool // fetch from near instead of the leader
}

// javaConsumer reads a world's topics as Java's consumer does. It pauses now and then for longer
// than records are kept.
func javaConsumer(c *client) {
	w := c.world
	f := &follower{client: c, rack: rack(c.anyone()), at: map[partition]*position{}}
	for !w.load.quiet {
		p := w.anyPartition()
		if f.at[p] == nil {
			f.at[p] = &position{epoch: -1, validated: -1}
		}
		f.turn(p, f.at[p])
		if w.chance(40) {
			c.rest(20 * w.think())
		}
		c.rest(w.think())
	}
}

// turn brings the reader one step on in a partition.
func (f *follower) turn(p partition, at *position) {
	leader, ok := f.leader(p)
	if !ok {
		return
	}
	epoch := f.epochs[p]
	// Java takes no metadata older than what it knows, from records too
	if epoch < max(at.epoch, at.validated) {
		delete(f.leaders, p)
		return
	}
	if at.epoch >= 0 && at.validated != epoch {
		if !f.validate(p, at, leader, epoch) {
			return
		}
		at.validated, at.preferred = epoch, false
	}
	to := leader
	if at.preferred {
		to = at.near
	}
	got, ok := f.fetchFrom(to, p, f.asks(at, epoch))
	switch {
	case !ok:
		at.preferred = false
	case got.code == kerr.OffsetOutOfRange.Code && at.preferred:
		at.preferred = false // the leader is asked
	case got.code == kerr.OffsetOutOfRange.Code:
		f.outOfRange(p, at, epoch)
	case got.code != 0:
		at.preferred = false
	case got.near >= 0:
		at.near, at.preferred = got.near, true
	default:
		if got.any {
			at.epoch = got.epoch
		}
		at.offset = got.next
	}
}

// asks is the next fetch of a position. In half of them the leader is to hold the epoch of the last
// record against its log, as followers have it do.
func (f *follower) asks(at *position, epoch int32) fetching {
	out := fetching{offset: at.offset, epoch: epoch, last: -1, rack: f.rack, wait: f.world.upTo(f.world.think())}
	if f.world.chance(2) {
		out.last = at.epoch
	}
	return out
}

// validate asks where the epoch of the last record read ends, as Java does when the leader changed;
// true if the position is good. What was read was committed, so it was never truncated; if it was
// deleted since, its epoch ends where the next one begins.
func (f *follower) validate(p partition, at *position, leader metadata.NodeID, epoch int32) bool {
	r := kmsg.NewPtrOffsetForLeaderEpochRequest()
	r.Version, r.ReplicaID = f.world.version(2, 4), -1
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic = p.topic
	part := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	part.Partition, part.CurrentLeaderEpoch, part.LeaderEpoch = p.number, epoch, at.epoch
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	answer, err := f.ask(leader, r)
	if err != nil {
		delete(f.leaders, p)
		return false
	}
	got := answer.(*kmsg.OffsetForLeaderEpochResponse).Topics[0].Partitions[0]
	switch {
	case got.ErrorCode != 0:
		delete(f.leaders, p)
		return false
	case got.LeaderEpoch < 0 || got.EndOffset < 0 || got.EndOffset < at.offset:
		f.world.violate(Kept, "%s is told that %s-%d was truncated: it read up to offset %d in epoch %d, and the answer is that epoch %d ends at %d", f.name,
			p.topic, p.number, at.offset, at.epoch, got.LeaderEpoch, got.EndOffset)
	}
	return true
}

// outOfRange goes on at the log's start when the position lies below it.
func (f *follower) outOfRange(p partition, at *position, epoch int32) {
	w := f.world
	if at.offset >= w.startOf(p) {
		w.violate(Kept, "%s is told in epoch %d that offset %d of %s-%d is out of range; the log never started above %d", f.name, epoch, at.offset, p.topic, p.number,
			w.startOf(p))
	}
	if start, ok := f.offsetOf(p, -2); ok {
		at.offset = max(at.offset, start)
	}
}

// startOf is the highest offset that a leader ever showed as the start of a partition's log.
func (w *World) startOf(p partition) int64 {
	part := w.anImage().Partition(p.topic, p.number)
	if part == nil {
		return 0
	}
	return w.checks.shard(part.Shard).start
}

// anImage is the newest image that a running node has.
func (w *World) anImage() *metadata.Image {
	newest := &metadata.Image{}
	for _, m := range w.up() {
		if n := m.process.node; n != nil && n.Image().Index >= newest.Index {
			newest = n.Image()
		}
	}
	return newest
}

// rack is the rack that a node stands in: one of its own, so that racks do not keep replicas from
// being spread evenly.
func rack(n metadata.NodeID) string { return fmt.Sprintf("rack-%d", n) }
