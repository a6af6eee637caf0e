package leadership

import (
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

const (
	balanceEvery = time.Second
	upBefore     = 2 * time.Second // a preferred leader's node must be up this long
	balanceLimit = 64              // leaderships handed back at once
)

// Balance hands leaderships back to the preferred leaders, whose places are even by construction,
// once their nodes have been up and in sync for a while. A node in maintenance gives all of its own
// away instead. Until the node stops.
func (l *Leaderships) Balance() {
	away := false
	l.here.Every(balanceEvery, func(now time.Time) { away = l.settle(now, away) })
}

// settle is what Balance does each time: leaderships go where they belong, or away.
func (l *Leaderships) settle(now time.Time, before bool) (away bool) {
	l.up.look(now, l.here.Peers(), l.here.Links.Up)
	if l.draining.Load() {
		return before
	}
	if away = l.moveAway(before); !away {
		l.handBack(now)
	}
	return away
}

// handBack starts the transfers that are due.
func (l *Leaderships) handBack(now time.Time) {
	left := balanceLimit
	l.replicas.Each(func(ref *replica.Ref) {
		if left == 0 {
			return
		}
		if to := l.preferred(ref, now); to != 0 {
			ref.Send(&replica.Transfer{To: to})
			left--
		}
	})
}

// preferred returns the replica that a led shard should be handed to; 0 to keep it.
func (l *Leaderships) preferred(ref *replica.Ref, now time.Time) storage.ReplicaID {
	v := ref.View()
	if ref.Shard == metadata.MetaShard || v.Role != replica.Leader || len(ref.Members()) == 0 {
		return 0
	}
	first := ref.Members()[0]
	if first.Replica == ref.Replica || l.NoLeader(first.Node) || l.up.of(first.Node, now) < upBefore {
		return 0
	}
	for _, r := range v.InSync {
		if r == first.Replica {
			return r
		}
	}
	return 0
}
