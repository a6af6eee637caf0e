package raft

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/confchange"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/storage"
)

// Forcing is what Force needs to know.
type Forcing struct {
	State      storage.State // of the replica, which does not run
	Checkpoint *storage.Checkpoint
	Entries    Reader
	Lost       []storage.ReplicaID // members that will never come back
	Term       uint64              // above that of every replica that is left
	// data of entries that follow at once, before anything else can be proposed
	Then [][]byte
}

// Force returns what makes a replica go on without members that are lost for good, although they
// were a majority and nobody could agree to it. It is the operator's word in the place of Raft's:
// what only the lost ones had is lost, and if one of them lives on the shard splits in two.
//
// Of the replicas that are left it must be the one whose last entry has the highest term, and of
// those the highest index: then it has every entry that any of them knows to be committed. Its log
// grows by entries that take the lost members out one by one, and all of it counts as committed.
// The others learn of it as of any other entries.
func Force(f Forcing) (storage.Append, error) {
	if f.Term <= f.State.Term || f.Term <= f.State.Last.Term {
		return storage.Append{}, fmt.Errorf("raft: force at term %d, the replica is at %d", f.Term, f.State.Term)
	}
	conf, err := MembersAtEnd(f.State, f.Checkpoint, f.Entries)
	if err != nil {
		return storage.Append{}, err
	}
	state := f.State
	a := storage.Append{}
	for _, change := range f.changes(conf) {
		data, err := proto.Marshal(change)
		if err != nil {
			return a, fmt.Errorf("raft: force: %w", err)
		}
		state.Last = storage.Position{Index: state.Last.Index + 1, Term: f.Term}
		a.Entries = append(a.Entries, &raftpb.Entry{
			Type: raftpb.EntryConfChangeV2.Enum(), Index: new(state.Last.Index), Term: new(f.Term), Data: data,
		})
	}
	if len(a.Entries) == 0 {
		return a, fmt.Errorf("raft: force: none of %v is a member", f.Lost)
	}
	for _, data := range f.Then {
		state.Last = storage.Position{Index: state.Last.Index + 1, Term: f.Term}
		a.Entries = append(a.Entries, &raftpb.Entry{Type: raftpb.EntryNormal.Enum(), Index: new(state.Last.Index), Term: new(f.Term), Data: data})
	}
	state.Term, state.Vote, state.Commit = f.Term, 0, state.Last.Index
	a.State = state
	return a, nil
}

// MembersAtEnd returns the members of a shard as of the end of a replica's log, committed or not.
func MembersAtEnd(state storage.State, checkpoint *storage.Checkpoint, log Reader) (*raftpb.ConfState, error) {
	if checkpoint == nil || checkpoint.Conf == nil {
		return nil, fmt.Errorf("raft: a checkpoint with the shard's members is needed")
	}
	t := tracker.MakeProgressTracker(1, 0)
	cfg, progress, err := confchange.Restore(confchange.Changer{Tracker: t, LastIndex: 1}, checkpoint.Conf)
	if err != nil {
		return nil, fmt.Errorf("raft: members of the checkpoint: %w", err)
	}
	t.Config, t.Progress = cfg, progress
	for next := checkpoint.Index + 1; next <= state.Last.Index; {
		entries, err := log.Entries(state.Replica, next, state.Last.Index+1, 1<<20)
		if err != nil {
			return nil, fmt.Errorf("raft: read the log behind the checkpoint: %w", err)
		}
		for _, e := range entries {
			next = e.GetIndex() + 1
			if err := takeIn(&t, e); err != nil {
				return nil, fmt.Errorf("raft: entry %d: %w", e.GetIndex(), err)
			}
		}
	}
	return t.ConfState(), nil
}

// takeIn applies an entry to members if it is a change of them.
func takeIn(t *tracker.ProgressTracker, e *raftpb.Entry) error {
	change, err := changeIn(e)
	if err != nil || change == nil {
		return err
	}
	c := change.AsV2()
	chg := confchange.Changer{Tracker: *t, LastIndex: e.GetIndex()}
	var cfg tracker.Config
	var progress tracker.ProgressMap
	if leave, auto := c.LeaveJoint(), false; leave {
		cfg, progress, err = chg.LeaveJoint()
	} else if auto, leave = c.EnterJoint(); leave {
		cfg, progress, err = chg.EnterJoint(auto, c.Changes...)
	} else {
		cfg, progress, err = chg.Simple(c.Changes...)
	}
	if err != nil {
		return err
	}
	t.Config, t.Progress = cfg, progress
	return nil
}

// changes are the entries that take the lost members out: one voter a change, as raft wants it
// outside of joint configurations.
func (f *Forcing) changes(conf *raftpb.ConfState) (changes []*raftpb.ConfChangeV2) {
	one := func(t raftpb.ConfChangeType, r uint64) {
		changes = append(changes, &raftpb.ConfChangeV2{Changes: []*raftpb.ConfChangeSingle{{Type: t.Enum(), NodeId: new(r)}}})
	}
	voters, learners := conf.GetVoters(), conf.GetLearners()
	if len(conf.GetVotersOutgoing()) > 0 {
		changes = append(changes, &raftpb.ConfChangeV2{})
		learners = append(slices.Clone(learners), conf.GetLearnersNext()...)
	}
	lost := func(r uint64) bool { return slices.Contains(f.Lost, storage.ReplicaID(r)) }
	if self := uint64(f.State.Replica); !slices.Contains(voters, self) && slices.ContainsFunc(voters, lost) {
		one(raftpb.ConfChangeAddNode, self)
	}
	for _, r := range slices.Concat(voters, learners) {
		if lost(r) {
			one(raftpb.ConfChangeRemoveNode, r)
		}
	}
	return changes
}
