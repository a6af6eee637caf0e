package upkeep

import (
	"strconv"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/raft/partition"
)

// Retain has the led logs trimmed by their topics' policies, and silent producers forgotten, once
// in a while, until the node stops. It waits for none of them.
func (u *Upkeep) Retain() {
	every := u.Settings.Millis("log.retention.check.interval.ms")
	u.agreedNow() // others ask what it was
	u.here.Every(every, func(time.Time) {
		expiration := u.Settings.Number("producer.id.expiration.ms")
		now := u.agreedNow()
		if !now.ok {
			now.ms = 0 // nothing is old: what is too much is deleted all the same
		}
		if !now.sure {
			expiration = 0 // no reading is put into a log
		}
		u.led(func(p *metadata.Partition, ref *replica.Ref, policy partition.Policy) {
			ref.Send(&replica.Tend{Policy: policy, Now: now.ms, Retain: true, Expiration: expiration, Done: func(t replica.Tended) {
				if t.Trimmed >= 0 {
					u.here.Log.Info("old records are deleted", "topic", p.Topic, "partition", p.Index, "log_start", t.Trimmed)
				}
			}})
		})
	})
}

// Clean cleans the led logs of compacted topics, one after the other, until the node stops.
func (u *Upkeep) Clean() {
	rate, _ := strconv.ParseFloat(u.Settings("log.cleaner.io.max.bytes.per.second"), 64)
	c := &replica.Cleaner{Runtime: u.here, Stop: u.here.Stopping, BytesPerSecond: rate}
	if rate >= unlimited {
		c.BytesPerSecond = 0
	}
	for u.awaitClean() {
		now := u.agreedNow()
		if !now.ok {
			continue
		}
		began := u.here.Now()
		u.led(func(p *metadata.Partition, ref *replica.Ref, policy partition.Policy) {
			if policy.Compact && !u.here.Stopped() {
				u.cleanOne(c, p, ref, policy, now.ms+u.here.Now().Sub(began).Milliseconds())
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
func (u *Upkeep) awaitClean() bool {
	for {
		left := actors.UntilDue(u.here.Now(), u.here.Began, max(u.Settings.Millis("log.cleaner.backoff.ms"), leastBackoff))
		if u.here.Wait(min(left, backoffAgain), u.here.Stopping) >= 0 {
			return false
		}
		if left <= backoffAgain {
			return true
		}
	}
}

// unlimited is a rate that no disk has.
const unlimited = 1e15

func (u *Upkeep) cleanOne(c *replica.Cleaner, p *metadata.Partition, ref *replica.Ref, policy partition.Policy, now int64) {
	var t replica.Tended
	done := make(chan struct{})
	ref.Send(&replica.Tend{Policy: policy, Now: now, Done: func(got replica.Tended) { t = got; close(done) }})
	if u.here.Wait(actors.Forever, done, u.here.Stopping) != 0 || t.Err != nil || !t.Due {
		return
	}
	if !u.Space.Roomy() && t.Cleaning.Bytes > u.Space.Free()/4 {
		u.here.Log.Warn("a log is not cleaned for want of space", "topic", p.Topic, "partition", p.Index, "bytes", t.Cleaning.Bytes)
		return
	}
	begin := u.here.Now()
	read, kept, err := c.Clean(ref, t)
	took := u.here.Now().Sub(begin)
	switch {
	case u.here.Stopped():
	case err != nil:
		u.here.Log.Info("a log was not cleaned to the end and will be cleaned again", "topic", p.Topic, "partition", p.Index, "error", err)
	default:
		u.here.Log.Info("a log was cleaned", "topic", p.Topic, "partition", p.Index, "upto", t.Cleaning.Upto, "bytes_read", read, "bytes_kept", kept, "took", took)
	}
}

// led calls f with the partitions that this node leads.
func (u *Upkeep) led(f func(*metadata.Partition, *replica.Ref, partition.Policy)) {
	image := u.here.Image()
	for _, ref := range u.Replicas.All() {
		p := image.Shard(ref.Shard)
		if p == nil || image.Topics[p.Topic] == nil || ref.View().Role != replica.Leader {
			continue // __meta is no topic's
		}
		f(p, ref, image.Topics[p.Topic].Settings().Policy)
	}
}
