package raft

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// checkpointDue reports whether so much was applied since the last checkpoint that the next write
// should carry one.
func (r *Replica) checkpointDue() bool {
	return r.sinceBytes >= r.limits.CheckpointBytes || r.sinceCount >= r.limits.CheckpointCount
}

// checkpoint adds the machine's state to a write, and drops entries behind it if they are no longer
// wanted.
func (r *Replica) checkpoint(w *write) error {
	w.checkpoint = &storage.Checkpoint{
		Position: r.applied,
		Conf:     proto.Clone(r.conf).(*raftpb.ConfState),
		Machine:  r.machine.Snapshot(),
	}
	r.sinceBytes, r.sinceCount, r.membersChanged, r.freed = 0, 0, false, false
	start := r.keep(r.dispensable())
	// the log that came with a snapshot cannot be read yet
	if start <= r.state.Start.Index || r.Restoring() {
		return nil
	}
	term, err := r.log.Term(start)
	if err != nil {
		return fmt.Errorf("raft: compact up to %d: %w", start, err)
	}
	r.state.Start = storage.Position{Index: start, Term: term}
	w.start = r.state.Start
	return nil
}

// checkpointMembers hands out a checkpoint because entries that come later may be long in coming:
// with new members, as a replica takes a snapshot only if that names it a member; and with a new
// start of the log, as the space of what was trimmed may be waited for.
func (r *Replica) checkpointMembers(fx *Effects) error {
	w := write{start: r.state.Start}
	if err := r.checkpoint(&w); err != nil {
		return err
	}
	r.hand(w, fx)
	return nil
}

// dispensable returns the last entry that nobody on this node needs any more.
func (r *Replica) dispensable() uint64 {
	switch m, ok := r.machine.(Reclaimer); {
	case r.compact && r.applied.Index >= r.state.Start.Index+2*r.limits.KeepEntries:
		return r.applied.Index - r.limits.KeepEntries
	case !r.compact && ok:
		return min(m.Reclaimable(), r.applied.Index)
	}
	return 0
}

// Checkpoint hands out a write with a checkpoint now, if anything was applied since the last one.
func (r *Replica) Checkpoint() (Effects, error) {
	var fx Effects
	if r.sinceCount == 0 {
		return fx, nil
	}
	w := write{start: r.state.Start}
	if err := r.checkpoint(&w); err != nil {
		return fx, err
	}
	r.hand(w, &fx)
	return fx, nil
}
