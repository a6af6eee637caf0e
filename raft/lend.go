package raft

import (
	"maps"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// lent is a snapshot that was sent to a replica which may now pull the log that goes with it. As
// long as that goes on, the log here keeps its beginning.
type lent struct {
	at    uint64 // index of the snapshot
	from  uint64 // first index that the replica still needs
	until uint64 // tick at which it counts as given up
}

// lendTicks is how long a replica is given to answer a snapshot or to ask for more of its log. Raft
// sends it nothing meanwhile, and would wait for ever.
const lendTicks = 50

// lend takes note of a snapshot that is sent.
func (r *Replica) lend(m *raftpb.Message) {
	p, err := openParcel(m.GetSnapshot().GetData())
	if err != nil {
		return // cannot be: it was made here
	}
	at := m.GetSnapshot().GetMetadata().GetIndex()
	r.lends(storage.ReplicaID(m.GetTo()), lent{at: at, from: p.start.Index + 1})
}

func (r *Replica) lends(to storage.ReplicaID, l lent) {
	if r.lent == nil {
		r.lent = make(map[storage.ReplicaID]lent)
	}
	l.until = r.quorum.now + lendTicks
	r.lent[to] = l
}

// Lending tells that a replica asks for the log from index next on. The log keeps its beginning for
// it as long as it gets on.
func (r *Replica) Lending(to storage.ReplicaID, next uint64) {
	l, ok := r.lent[to]
	switch {
	case next <= r.state.Start.Index:
		return // gone already
	case !ok || next > l.from:
		r.lends(to, lent{at: l.at, from: next})
	}
}

// returned takes note that a replica has what it was sent. If the log here does not reach back to
// that, because it was trimmed just when the snapshot was made, raft still waits for one that does:
// it is told that this one failed.
func (r *Replica) returned(m *raftpb.Message) {
	from := storage.ReplicaID(m.GetFrom())
	if l, ok := r.lent[from]; ok && !m.GetReject() && l.at > 0 && m.GetIndex() >= l.at {
		delete(r.lent, from)
		r.SnapshotSent(from, false) // raft listens only if it still waits
	}
}

// tickLent gives up what was lent too long, so that raft probes the replica.
func (r *Replica) tickLent() {
	for _, to := range slices.Sorted(maps.Keys(r.lent)) {
		if r.lent[to].until <= r.quorum.now {
			delete(r.lent, to)
			r.node.ReportSnapshot(uint64(to), raft.SnapshotFailure)
		}
	}
}

// keep returns how far the start of the log may move, at most to the given index, without taking
// anything from those who pull it.
func (r *Replica) keep(start uint64) uint64 {
	for _, l := range r.lent {
		start = min(start, l.from-1)
	}
	return start
}
