package raft

import (
	"maps"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// pin keeps the beginning of the log here for a replica that was sent a snapshot and may now pull
// the log that goes with it.
type pin struct {
	at    uint64 // index of the snapshot
	from  uint64 // first index that the replica still needs
	until uint64 // tick at which it counts as given up
}

// pinTicks is how long a replica is given to answer a snapshot or to ask for more of its log. Raft
// sends it nothing meanwhile, and would wait for ever.
const pinTicks = 50

// pinFor takes note of a snapshot that is sent.
func (r *Replica) pinFor(m *raftpb.Message) {
	p, err := parsePayload(m.GetSnapshot().GetData())
	if err != nil {
		return // cannot be: it was made here
	}
	at := m.GetSnapshot().GetMetadata().GetIndex()
	r.pin(storage.ReplicaID(m.GetTo()), pin{at: at, from: p.start.Index + 1})
}

func (r *Replica) pin(to storage.ReplicaID, l pin) {
	if r.pins == nil {
		r.pins = make(map[storage.ReplicaID]pin)
	}
	l.until = r.quorum.now + pinTicks
	r.pins[to] = l
}

// PulledFrom tells that a replica asks for the log from index next on. The log keeps its beginning
// for it as long as it gets on.
func (r *Replica) PulledFrom(to storage.ReplicaID, next uint64) {
	l, ok := r.pins[to]
	switch {
	case next <= r.state.Start.Index:
		return // gone already
	case !ok || next > l.from:
		r.pin(to, pin{at: l.at, from: next})
	}
}

// returned takes note that a replica has what it was sent. If the log here does not reach back to
// that, because it was trimmed just when the snapshot was made, raft still waits for one that does:
// it is told that this one failed.
func (r *Replica) returned(m *raftpb.Message) {
	from := storage.ReplicaID(m.GetFrom())
	if l, ok := r.pins[from]; ok && !m.GetReject() && l.at > 0 && m.GetIndex() >= l.at {
		delete(r.pins, from)
		r.SnapshotSent(from, false) // raft listens only if it still waits
	}
}

// tickPins gives up pins that are too old, so that raft probes the replica.
func (r *Replica) tickPins() {
	for _, to := range slices.Sorted(maps.Keys(r.pins)) {
		if r.pins[to].until <= r.quorum.now {
			delete(r.pins, to)
			r.node.ReportSnapshot(uint64(to), raft.SnapshotFailure)
		}
	}
}

// keep returns how far the start of the log may move, at most to the given index, without taking
// anything from those who pull it.
func (r *Replica) keep(start uint64) uint64 {
	for _, l := range r.pins {
		start = min(start, l.from-1)
	}
	return start
}
