package node

import (
	"strconv"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/raft/partition"
)

// retain has the led logs trimmed by their topics' policies, and silent producers forgotten, once
// in a while, until the node stops. It waits for none of them.
func (n *Node) retain() {
	every := n.millis("log.retention.check.interval.ms")
	n.agreedNow() // others ask what it was
	n.here.Every(every, func(time.Time) {
		expiration := n.number("producer.id.expiration.ms")
		now := n.agreedNow()
		if !now.ok {
			now.ms = 0 // nothing is old: what is too much is deleted all the same
		}
		if !now.sure {
			expiration = 0 // no reading is put into a log
		}
		n.led(func(p *metadata.Partition, ref *replica.Ref, policy partition.Policy) {
			ref.Send(&replica.Tend{Policy: policy, Now: now.ms, Retain: true, Expiration: expiration, Done: func(t replica.Tended) {
				if t.Trimmed >= 0 {
					n.here.Log.Info("old records are deleted", "topic", p.Topic, "partition", p.Index, "log_start", t.Trimmed)
				}
			}})
		})
	})
}

// clean cleans the led logs of compacted topics, one after the other, until the node stops.
func (n *Node) clean() {
	rate, _ := strconv.ParseFloat(n.Setting("log.cleaner.io.max.bytes.per.second"), 64)
	c := &replica.Cleaner{Runtime: n.here, Stop: n.here.Stopping, BytesPerSecond: rate}
	if rate >= unlimited {
		c.BytesPerSecond = 0
	}
	for n.awaitClean() {
		now := n.agreedNow()
		if !now.ok {
			continue
		}
		began := n.here.Now()
		n.led(func(p *metadata.Partition, ref *replica.Ref, policy partition.Policy) {
			if policy.Compact && !n.here.Stopped() {
				n.cleanOne(c, p, ref, policy, now.ms+n.here.Now().Sub(began).Milliseconds())
			}
		})
	}
}

const (
	// between two looks, however little a client sets: each asks all nodes and goes through all that
	// is led
	leastBackoff = 100 * time.Millisecond
	backoffAgain = 10 * time.Second // between two looks at the setting
)

// awaitClean waits until compacted topics are to be looked through again; false if the node stops.
// The setting may change meanwhile.
func (n *Node) awaitClean() bool {
	for {
		left := actors.UntilDue(n.here.Now(), n.here.Began, max(n.millis("log.cleaner.backoff.ms"), leastBackoff))
		if n.here.Wait(min(left, backoffAgain), n.here.Stopping) >= 0 {
			return false
		}
		if left <= backoffAgain {
			return true
		}
	}
}

// unlimited is a rate that no disk has.
const unlimited = 1e15

func (n *Node) cleanOne(c *replica.Cleaner, p *metadata.Partition, ref *replica.Ref, policy partition.Policy, now int64) {
	var t replica.Tended
	done := make(chan struct{})
	ref.Send(&replica.Tend{Policy: policy, Now: now, Done: func(got replica.Tended) { t = got; close(done) }})
	if n.here.Wait(actors.Forever, done, n.here.Stopping) != 0 || t.Err != nil || !t.Due {
		return
	}
	if !n.space.Roomy() && t.Cleaning.Bytes > n.space.Free()/4 {
		n.here.Log.Warn("a log is not cleaned for want of space", "topic", p.Topic, "partition", p.Index, "bytes", t.Cleaning.Bytes)
		return
	}
	begin := n.here.Now()
	read, kept, err := c.Clean(ref, t)
	took := n.here.Now().Sub(begin)
	switch {
	case n.here.Stopped():
	case err != nil:
		n.here.Log.Info("a log was not cleaned to the end and will be cleaned again", "topic", p.Topic, "partition", p.Index, "error", err)
	default:
		n.here.Log.Info("a log was cleaned", "topic", p.Topic, "partition", p.Index, "upto", t.Cleaning.Upto, "bytes_read", read, "bytes_kept", kept, "took", took)
	}
}

// led calls f with the partitions that this node leads.
func (n *Node) led(f func(*metadata.Partition, *replica.Ref, partition.Policy)) {
	image := n.here.Image()
	for _, ref := range n.replicas.All() {
		p := image.Shard(ref.Shard)
		if p == nil || image.Topics[p.Topic] == nil || ref.View().Role != replica.Leader {
			continue // __meta is no topic's
		}
		f(p, ref, image.Topics[p.Topic].Settings().Policy)
	}
}

// TopicSetting implements api.Cluster.
func (n *Node) TopicSetting(t *metadata.Topic, name string) string {
	return n.local().TopicSetting(n.here.Image(), t, name)
}
