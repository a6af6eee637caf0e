package raft

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// Replica is one member of one shard: etcd/raft's RawNode, the log as far as it is durable, and the
// machine. It has one owner. The owner feeds it (Step, Tick, Propose, Written, …) and then calls
// Ready and performs the Effects.
//
// Nothing here waits. An error from Ready, Step or Written is a broken invariant or unreadable
// storage: the owner must quarantine the replica and never use it again.
type Replica struct {
	id      storage.ReplicaID
	limits  Limits
	compact bool

	node    *raft.RawNode
	machine Machine

	// There are three logs, each of which may be ahead of the next. Raft's own holds what was stepped.
	// The one handed out (state, last, inflight) is equal to it once Ready has taken all that raft has
	// ready. The durable one (log) lacks the writes that the journal has not reported.
	//
	// log is for raft, which knows what it has not written yet, for entries that are applied (only
	// durable ones are, unless Restoring), and for what can be said to be durable. Whether this
	// replica holds an entry is not to be decided from it: a truncation may be on its way to the disk.
	// Raft decides that by its own log (see followHint), or termOf by the one handed out.
	log *log
	// inflight are the writes handed out that the journal has not reported, oldest first. It tells
	// what is on its way to the disk (termOf, Restoring, Durable), never what is on it.
	inflight []write
	state    storage.State // as of the last write handed out
	last     uint64        // last entry of the log handed out; given to the machine's Append
	conf     *raftpb.ConfState

	role   Role
	leader storage.ReplicaID
	// last entry given to the machine's Apply, or the snapshot given to its Restore, which may not be
	// durable yet
	applied  storage.Position
	out      []*raftpb.Message
	offers   []*raftpb.Message // snapshots that came since the last Ready
	doubtful []*raftpb.Message // see doubt
	hint     commitHint
	restored uint64 // index of a snapshot that is durable and not told yet

	pull puller
	pins map[storage.ReplicaID]pin

	sinceBytes, sinceCount uint64 // applied since the last checkpoint

	elections      uint64
	confirms       uint64 // questions that Confirm asked
	quorum         quorum
	changing       reconfiguration
	handing        handover
	called         call
	membersChanged bool // the members changed since the last checkpoint
	freed          bool // so much was trimmed since that the log's start can move
}

// Open makes a replica of what the store holds. Entries behind the checkpoint are read and given to
// the machine.
func Open(c Config) (*Replica, error) {
	c.Limits.setDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	r := &Replica{
		id:      c.State.Replica,
		limits:  c.Limits,
		compact: c.Compact,
		log:     newLog(&c),
		machine: c.Machine,
		state:   c.State,
		conf:    c.Checkpoint.Conf,
		applied: c.Checkpoint.Position,
		last:    c.Checkpoint.Index,
	}
	r.state.Commit = r.log.hard.GetCommit()
	if err := r.replay(); err != nil {
		return nil, err
	}
	config := r.raftConfig()
	r.traced(config)
	node, err := raft.NewRawNode(config)
	if err != nil {
		return nil, err
	}
	r.node = node
	r.role = r.roleNow(raft.StateFollower)
	return r, nil
}

func (r *Replica) raftConfig() *raft.Config {
	return &raft.Config{
		ID:                        uint64(r.id),
		ElectionTick:              r.limits.ElectionTicks,
		HeartbeatTick:             r.limits.HeartbeatTicks,
		Storage:                   r.log,
		Applied:                   r.applied.Index,
		AsyncStorageWrites:        true,
		MaxSizePerMsg:             r.limits.MessageBytes,
		MaxCommittedSizePerReady:  math.MaxUint64,
		MaxInflightMsgs:           r.limits.InflightMessage,
		MaxInflightBytes:          r.limits.InflightBytes,
		CheckQuorum:               true,
		PreVote:                   true,
		ReadOnlyOption:            raft.ReadOnlySafe,
		DisableProposalForwarding: true,
		// who stays must learn first that the change is committed: see Reconfigure
		StepDownOnRemoval: false,
		Logger:            quiet{},
	}
}

// replay gives the machine its checkpoint and the entries behind it, committed or not.
func (r *Replica) replay() error {
	if err := r.machine.Restore(r.log.snap.Machine); err != nil {
		return fmt.Errorf("raft: restore the checkpoint at %d: %w", r.applied.Index, err)
	}
	last := r.state.Last.Index // append counts it up from what it is given
	for r.last < last {
		entries, err := r.log.store.Entries(r.id, r.last+1, last+1, r.limits.MessageBytes)
		if err != nil {
			return fmt.Errorf("raft: read the log behind the checkpoint: %w", err)
		}
		r.log.preload(entries)
		if err := r.append(entries); err != nil {
			return err
		}
	}
	return nil
}

// Step takes a message of another replica. Messages that are not for this replica are ignored.
func (r *Replica) Step(m *raftpb.Message) error {
	if m.GetTo() != uint64(r.id) || raft.IsLocalMsgTarget(m.GetFrom()) || raft.IsLocalMsg(m.GetType()) {
		return nil
	}
	r.quorum.heard(storage.ReplicaID(m.GetFrom()))
	r.keepHint(m)
	switch m.GetType() {
	case raftpb.MsgVote, raftpb.MsgPreVote:
		if r.blank() {
			return nil
		}
	case raftpb.MsgSnap:
		r.offers = append(r.offers, m)
		return nil
	case raftpb.MsgHeartbeat:
		if m.GetCommit() > r.last {
			r.doubtful = append(r.doubtful, m)
			return nil
		}
	case raftpb.MsgTimeoutNow:
		r.called = call{m, callTicks}
		return nil
	case raftpb.MsgAppResp:
		err := r.step(m)
		r.returned(m)
		return err
	}
	return r.step(m)
}

// blank tells that this replica knows no members yet: it holds nothing, so it votes for nobody.
// Raft itself would.
func (r *Replica) blank() bool { return len(r.conf.GetVoters()) == 0 }

// judge takes the messages about which this replica has to compare something with its log, once all
// else that came with them is in the log handed out: one snapshot, or, when there are none left,
// all heartbeats that are doubtful.
func (r *Replica) judge() error {
	if len(r.offers) > 0 {
		m := r.offers[0]
		r.offers = r.offers[1:]
		return r.offered(m)
	}
	return r.doubt()
}

// doubt looks at heartbeats that spoke of a commit after the end of the log. A leader names no
// index that this replica has not told it to have, so if it is still missing the disk lost what was
// acknowledged.
func (r *Replica) doubt() error {
	all := r.doubtful
	r.doubtful = nil
	for _, m := range all {
		if m.GetCommit() > r.last {
			return fmt.Errorf("raft: %w: replica %d knows that this one had entry %d, and its log ends at %d: the disk lost what was acknowledged",
				storage.ErrCorrupt, m.GetFrom(), m.GetCommit(), r.last)
		}
		if err := r.step(m); err != nil {
			return err
		}
	}
	return nil
}

// termOf returns the term of the entry at an index of the log handed out; ok is false if that has
// none, or its term cannot be known now because the entry comes with a snapshot that is not
// durable.
func (r *Replica) termOf(index uint64) (term uint64, ok bool) {
	switch {
	case index < r.state.Start.Index || index > r.last:
		return 0, false
	case index == r.state.Start.Index:
		return r.state.Start.Term, true
	}
	for _, w := range slices.Backward(r.inflight) {
		if len(w.entries) > 0 && index >= w.entries[0].GetIndex() {
			// no newer write reaches down to it
			return w.entries[index-w.entries[0].GetIndex()].GetTerm(), true
		}
		if w.snapshot != nil {
			return w.snapshot.Term, index == w.snapshot.Index
		}
	}
	term, err := r.log.Term(index)
	return term, err == nil
}

func (r *Replica) term() uint64 { return r.node.BasicStatus().GetTerm() }

func (r *Replica) commit() uint64 { return r.node.BasicStatus().GetCommit() }

// step ignores what raft refuses for reasons of protocol (an unknown peer, a dropped proposal).
func (r *Replica) step(m *raftpb.Message) error {
	_ = r.node.Step(m)
	return r.log.failed
}

// Tick advances time by one tick.
func (r *Replica) Tick() {
	r.quorum.tick()
	r.node.Tick()
	r.tickSilence()
	r.tickHint()
	r.tickHandover()
	r.tickCall()
	r.tickPull()
	r.tickPins()
}

// tickSilence has a replica that does not vote forget a leader that it has not heard of for two
// election timeouts. Raft has those forget it who may stand for election, so that one that was
// removed while it was cut off would believe in its last leader for ever.
func (r *Replica) tickSilence() {
	if r.role == Learner && r.leader != 0 && r.quorum.now-max(r.quorum.last[r.leader], r.quorum.since) > 2*uint64(r.limits.ElectionTicks) {
		r.ForgetLeader()
	}
}

// Campaign starts an election (a pre-vote first) unless this replica leads or may not.
func (r *Replica) Campaign() {
	if r.role != Leader && r.role != Learner {
		_ = r.node.Campaign()
	}
}

// Propose appends entries to the leader's log. It returns the index of the first; ok is false if
// they were dropped: not the leader, handing leadership over, or an entry that no store takes.
// Ready must have been called since the last Step.
func (r *Replica) Propose(data ...[]byte) (first uint64, ok bool) {
	entries := make([]*raftpb.Entry, len(data))
	for i, d := range data {
		if len(d) > storage.MaxEntryBytes {
			return 0, false
		}
		entries[i] = &raftpb.Entry{Data: d}
	}
	m := &raftpb.Message{Type: raftpb.MsgProp.Enum(), From: new(uint64(r.id)), Entries: entries}
	if r.role != Leader || r.node.Step(m) != nil {
		return 0, false
	}
	return r.last + 1, true
}

// ProposeMembers proposes a change of members. Raft may turn a change it refuses into an empty
// entry without a word: the caller must look at Members when it is applied.
func (r *Replica) ProposeMembers(change *raftpb.ConfChangeV2) bool {
	return r.role == Leader && r.node.ProposeConfChange(change) == nil
}

// Confirm asks the other members whether this replica leads, and returns the number by which
// Effects.Confirmed tells that it did. A replica that does not lead any more is never told.
func (r *Replica) Confirm() uint64 {
	r.confirms++
	r.node.ReadIndex(binary.BigEndian.AppendUint64(nil, r.confirms))
	return r.confirms
}

// ForgetLeader makes a follower believe that its leader is gone, so that it grants pre-votes at
// once.
func (r *Replica) ForgetLeader() { _ = r.node.ForgetLeader() }

// Unreachable tells that messages to a replica were lost.
func (r *Replica) Unreachable(to storage.ReplicaID) { r.node.ReportUnreachable(uint64(to)) }

// SnapshotSent tells how the sending of a snapshot ended.
func (r *Replica) SnapshotSent(to storage.ReplicaID, ok bool) {
	status := raft.SnapshotFinish
	if !ok {
		status = raft.SnapshotFailure
	}
	r.node.ReportSnapshot(uint64(to), status)
}

// Restoring tells that a snapshot replaced machine and log, and that this is not durable yet.
func (r *Replica) Restoring() bool {
	for i := range r.inflight {
		if r.inflight[i].snapshot != nil {
			return true
		}
	}
	return r.restored != 0
}

// Start returns the position behind which the log begins.
func (r *Replica) Start() storage.Position { return r.state.Start }

// Members returns the shard's members as of the last applied entry. Not to be changed.
func (r *Replica) Members() *raftpb.ConfState { return r.conf }

// Status tells where the replica stands.
func (r *Replica) Status() Status {
	b := r.node.BasicStatus()
	return Status{
		Role:        r.role,
		Term:        b.GetTerm(),
		Leader:      r.leader,
		Last:        r.last,
		Commit:      b.GetCommit(),
		Applied:     r.applied.Index,
		Established: r.role == Leader && r.applied.Term == b.GetTerm(),
		Transferee:  storage.ReplicaID(b.LeadTransferee),
		Elections:   r.elections,
	}
}
