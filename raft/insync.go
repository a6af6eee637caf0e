package raft

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"

	"github.com/troupe-mq/troupe/storage"
)

// quorum is what a leader remembers of its followers to tell who is in sync.
type quorum struct {
	now uint64 // ticks
	// tick at which this leadership began: nobody counts as silent before it
	since  uint64
	last   map[storage.ReplicaID]uint64 // tick of the last message
	commit uint64                       // commit index at the last call of InSync

	in   []storage.ReplicaID // what InSync returned then
	near []storage.ReplicaID // other members that were near the commit index then
}

func (q *quorum) tick() { q.now++ }

func (q *quorum) reset() { q.last, q.commit, q.since = nil, 0, q.now }

func (q *quorum) heard(from storage.ReplicaID) {
	if q.last == nil {
		q.last = make(map[storage.ReplicaID]uint64)
	}
	q.last[from] = q.now
}

// InSync returns, on a leader, the voters that were heard of within an election timeout (or the
// leadership is younger) and have all that was committed when InSync was called before: Kafka's
// ISR, to be asked about once a heartbeat. In order of id, not to be changed. nil on others.
func (r *Replica) InSync() []storage.ReplicaID {
	if r.role != Leader {
		return nil
	}
	commit := r.node.BasicStatus().GetCommit()
	var ins, nears [8]storage.ReplicaID
	in, near := ins[:0], nears[:0]
	r.node.WithProgress(func(id uint64, kind raft.ProgressType, p tracker.Progress) {
		m := storage.ReplicaID(id)
		if kind == raft.ProgressTypePeer && r.inSync(m, p.Match) {
			in = append(in, m)
		}
		if m != r.id && r.heardOf(m) && p.Match+nearEntries >= commit {
			near = append(near, m)
		}
	})
	r.quorum.commit = commit
	slices.Sort(in)
	slices.Sort(near)
	if !slices.Equal(in, r.quorum.in) { // seldom, and what was returned is read by others
		r.quorum.in = slices.Clone(in)
	}
	if !slices.Equal(near, r.quorum.near) {
		r.quorum.near = slices.Clone(near)
	}
	return r.quorum.in
}

// Near returns, on a leader, the other members, voters and learners, that were heard of and near
// the commit index at the last call of InSync: good enough to be read from. Who is in sync may
// change with every moment of load; this does not.
func (r *Replica) Near() []storage.ReplicaID { return r.quorum.near }

func (r *Replica) inSync(id storage.ReplicaID, match uint64) bool {
	if id == r.id {
		return true
	}
	return r.heardOf(id) && match >= r.quorum.commit
}

// heardOf reports whether a member was heard of within an election timeout, or the leadership is
// younger.
func (r *Replica) heardOf(id storage.ReplicaID) bool {
	at := max(r.quorum.last[id], r.quorum.since)
	return r.quorum.now-at <= uint64(r.limits.ElectionTicks)
}

// Progress is how far a member's log is known to match the leader's.
type Progress struct {
	Replica storage.ReplicaID
	Learner bool
	InReach bool // heard of within an election timeout, or the leadership is younger
	Match   uint64
}

// Progress returns, on a leader, how far every member is, in order of id. nil on others.
func (r *Replica) Progress() []Progress {
	if r.role != Leader {
		return nil
	}
	var all []Progress
	r.node.WithProgress(func(id uint64, kind raft.ProgressType, p tracker.Progress) {
		m := storage.ReplicaID(id)
		all = append(all, Progress{m, kind == raft.ProgressTypeLearner, m == r.id || r.heardOf(m), p.Match})
	})
	slices.SortFunc(all, func(a, b Progress) int { return int(int64(a.Replica - b.Replica)) })
	return all
}
