package raft

import (
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/storage"
)

// Ready returns what is to be done after the calls since the last one.
func (r *Replica) Ready() (Effects, error) {
	fx := Effects{Restored: r.restored}
	r.restored = 0
	for first := true; first || r.node.HasReady() || len(r.offers)+len(r.doubtful) > 0; first = false {
		if err := r.drain(&fx); err != nil {
			return fx, err
		}
		if err := r.judge(); err != nil {
			return fx, err
		}
		if err := r.takeOver(); err != nil {
			return fx, err
		}
		r.beginHandover()
	}
	if r.membersChanged || r.freed {
		if err := r.checkpointMembers(&fx); err != nil {
			return fx, err
		}
	}
	r.performPull(&fx)
	fx.Messages = append(fx.Messages, r.out...)
	r.out = nil
	return fx, r.log.failed
}

// drain takes all that raft has ready.
func (r *Replica) drain(fx *Effects) error {
	for r.node.HasReady() {
		ready := r.node.Ready()
		if ready.SoftState != nil {
			r.turn(ready.SoftState)
		}
		for _, s := range ready.ReadStates {
			fx.Confirmed = max(fx.Confirmed, binary.BigEndian.Uint64(s.RequestCtx))
		}
		for _, m := range ready.Messages {
			if err := r.perform(m, fx); err != nil {
				return err
			}
		}
		if err := r.ask(ready.Messages); err != nil {
			return err
		}
	}
	return nil
}

// ask sends the requests for votes among what raft has ready, once the candidate's term and log are
// durable. Raft would send them at once. But a candidate that forgets its term in a crash may stand
// in the same term again, with less of a log, and the votes for the one before would count.
func (r *Replica) ask(messages []*raftpb.Message) error {
	var votes []*raftpb.Message
	for _, m := range messages {
		if m.GetType() == raftpb.MsgVote {
			votes = append(votes, m)
		}
	}
	return r.after(votes)
}

// turn notes a change of role or leader.
func (r *Replica) turn(s *raft.SoftState) {
	role := r.roleNow(s.RaftState)
	if role == Candidate && r.role != Candidate {
		r.elections++
	}
	r.role, r.leader = role, storage.ReplicaID(s.Lead)
	r.quorum.reset()
	r.changing, r.handing = reconfiguration{}, handover{}
}

func (r *Replica) roleNow(s raft.StateType) Role {
	switch s {
	case raft.StateLeader:
		return Leader
	case raft.StateCandidate, raft.StatePreCandidate:
		return Candidate
	}
	if r.voter() {
		return Follower
	}
	return Learner
}

// voter reports whether the replica counts for the shard's majority as far as it knows.
func (r *Replica) voter() bool {
	return slices.Contains(r.conf.GetVoters(), uint64(r.id)) || slices.Contains(r.conf.GetVotersOutgoing(), uint64(r.id))
}

// setConf takes new members. They may make a learner of a follower, or the other way round.
func (r *Replica) setConf(c *raftpb.ConfState) {
	r.conf = c
	if r.role == Follower || r.role == Learner {
		r.role = r.roleNow(raft.StateFollower)
	}
}

// perform sorts one message of a Ready: to the journal, to the machine, or out.
func (r *Replica) perform(m *raftpb.Message, fx *Effects) error {
	switch m.GetTo() {
	case raft.LocalAppendThread:
		return r.write(m, fx)
	case raft.LocalApplyThread:
		return r.apply(m, fx)
	}
	switch m.GetType() {
	case raftpb.MsgSnap:
		r.pinFor(m)
	case raftpb.MsgTimeoutNow:
		r.calling(m)
	case raftpb.MsgVote:
		return nil // see ask
	}
	fx.Messages = append(fx.Messages, m)
	return nil
}

// write turns a MsgStorageAppend into a write for the journal. One that carries nothing that must
// be durable (a commit alone) waits only for the writes before it: a commit index that is lost in a
// crash is learned again.
func (r *Replica) write(m *raftpb.Message, fx *Effects) error {
	voted := m.Term != nil && (m.GetTerm() != r.state.Term || m.GetVote() != r.state.Vote)
	if m.Term != nil {
		r.state.Term, r.state.Vote = m.GetTerm(), m.GetVote()
	}
	if !raft.IsEmptySnap(m.Snapshot) {
		if err := r.restore(m.Snapshot, fx); err != nil {
			return err
		}
	}
	if m.Term != nil {
		r.state.Commit = m.GetCommit()
	}
	w := write{entries: m.Entries, start: r.state.Start, responses: m.Responses}
	if err := r.append(m.Entries); err != nil {
		return err
	}
	if !voted && len(m.Entries) == 0 {
		return r.after(m.Responses)
	}
	if r.checkpointDue() {
		if err := r.checkpoint(&w); err != nil {
			return err
		}
	}
	r.hand(w, fx)
	return nil
}

// after delivers responses once everything handed out so far is durable.
func (r *Replica) after(responses []*raftpb.Message) error {
	if n := len(r.inflight); n > 0 {
		w := &r.inflight[n-1]
		w.responses = append(w.responses, responses...)
		return nil
	}
	return r.deliver(responses)
}

// hand gives a write to the owner.
func (r *Replica) hand(w write, fx *Effects) {
	checkpoint := w.checkpoint
	if checkpoint == nil {
		checkpoint = w.snapshot
	}
	fx.Writes = append(fx.Writes, storage.Append{State: r.state, Entries: w.entries, NextEntries: w.next, Checkpoint: checkpoint})
	r.inflight = append(r.inflight, w)
	r.log.leaving = r.state.Start.Index
}

// append gives entries to the machine.
func (r *Replica) append(entries []*raftpb.Entry) error {
	for _, e := range entries {
		if err := r.machine.Append(e.GetIndex(), e.GetTerm(), Payload(e)); err != nil {
			return fmt.Errorf("raft: append entry %d of term %d: %w", e.GetIndex(), e.GetTerm(), err)
		}
		r.last = e.GetIndex()
		r.state.Last = storage.Position{Index: e.GetIndex(), Term: e.GetTerm()}
	}
	return nil
}

// Payload returns what an entry holds for the machine: nothing if it is one of Raft's own (empty,
// or a change of members).
func Payload(e *raftpb.Entry) []byte {
	if e.GetType() != raftpb.EntryNormal || len(e.Data) == 0 {
		return nil
	}
	return e.Data
}

// restore replaces machine and log by a snapshot of the leader, in a write of its own. The log that
// goes with it came with it, or was pulled. What that write says to be committed is the snapshot:
// raft may know of more, which is in the next write.
func (r *Replica) restore(s *raftpb.Snapshot, fx *Effects) error {
	p, err := parsePayload(s.Data)
	if err != nil {
		return err
	}
	snap := &storage.Checkpoint{
		Position: storage.Position{Index: s.GetMetadata().GetIndex(), Term: s.GetMetadata().GetTerm()},
		Conf:     s.GetMetadata().GetConfState(),
		Machine:  p.machine,
	}
	if !p.whole(snap.Index) && (r.state.Next.Last != snap.Position || r.state.Next.Start.Index > p.start.Index) {
		return fmt.Errorf("raft: a snapshot at %v takes effect without its log, of which there is %v", snap.Position, r.state.Next)
	}
	if err := r.machine.Restore(snap.Machine); err != nil {
		return fmt.Errorf("raft: restore the snapshot at %d: %w", snap.Index, err)
	}
	if p.start != snap.Position {
		r.state.Generation++
		r.state.Next = storage.Stretch{}
	}
	r.state.Start, r.state.Last = p.start, snap.Position
	r.state.Commit = snap.Index
	r.applied, r.last = snap.Position, snap.Index
	r.setConf(snap.Conf)
	r.sinceBytes, r.sinceCount, r.membersChanged, r.freed, r.log.changedAt = 0, 0, false, false, snap.Index
	r.hand(write{snapshot: snap, entries: p.entries, start: p.start}, fx)
	return nil
}

// apply gives committed entries to the machine and tells raft so.
func (r *Replica) apply(m *raftpb.Message, fx *Effects) error {
	for _, e := range m.Entries {
		if err := r.applyMembers(e); err != nil {
			return err
		}
		data := Payload(e)
		result, err := r.machine.Apply(e.GetIndex(), e.GetTerm(), data)
		if err != nil {
			return fmt.Errorf("raft: apply entry %d of term %d: %w", e.GetIndex(), e.GetTerm(), err)
		}
		r.applied = storage.Position{Index: e.GetIndex(), Term: e.GetTerm()}
		r.sinceBytes += uint64(len(e.Data))
		r.sinceCount++
		fx.Applied = append(fx.Applied, Applied{e.GetIndex(), e.GetTerm(), data, result})
	}
	r.frees()
	return r.deliver(m.Responses)
}

// frees notes whether the start of the log can move.
func (r *Replica) frees() {
	r.freed = r.freed || !r.compact && r.keep(r.dispensable()) > r.state.Start.Index
}

// applyMembers applies a change of members.
func (r *Replica) applyMembers(e *raftpb.Entry) error {
	change, err := changeIn(e)
	if err != nil {
		return fmt.Errorf("raft: entry %d: %w", e.GetIndex(), err)
	}
	if change != nil {
		r.setConf(r.node.ApplyConfChange(change))
		r.membersChanged, r.log.changedAt = true, e.GetIndex()
		r.yield()
	}
	return nil
}

// changeIn returns the change of members that an entry is, nil if it is none.
func changeIn(e *raftpb.Entry) (raftpb.ConfChangeI, error) {
	switch e.GetType() {
	case raftpb.EntryConfChange:
		c := &raftpb.ConfChange{}
		return c, proto.Unmarshal(e.Data, c)
	case raftpb.EntryConfChangeV2:
		c := &raftpb.ConfChangeV2{}
		return c, proto.Unmarshal(e.Data, c)
	}
	return nil, nil
}

// deliver hands responses to where they are addressed: this replica or others.
func (r *Replica) deliver(responses []*raftpb.Message) error {
	for _, m := range responses {
		if m.GetType() == raftpb.MsgVote && (r.role != Candidate || m.GetTerm() != r.term()) {
			continue // the election was lost meanwhile, and the log may be another one by now
		}
		if m.GetTo() != uint64(r.id) {
			r.addHint(m)
			r.out = append(r.out, m)
			continue
		}
		if err := r.step(m); err != nil {
			return err
		}
	}
	return nil
}

// Written tells that the oldest write handed out and not yet reported is durable.
func (r *Replica) Written() error {
	if len(r.inflight) == 0 {
		return fmt.Errorf("raft: a write was reported that was never handed out")
	}
	w := r.inflight[0]
	r.inflight[0] = write{}
	r.inflight = r.inflight[1:]
	if w.snapshot != nil {
		r.log.reset(w.start, w.snapshot)
		r.restored = w.snapshot.Index
		r.frees()
	}
	r.log.appended(w.entries)
	if w.checkpoint != nil {
		r.log.snap = w.checkpoint
	}
	r.log.compacted(w.start)
	if err := r.deliver(w.responses); err != nil || !w.fills {
		return err
	}
	r.pull.under--
	return r.pulled()
}

// Durable tells that no write is under way.
func (r *Replica) Durable() bool { return len(r.inflight) == 0 }
