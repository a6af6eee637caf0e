package raft

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/confchange"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/storage"
)

// told writes a move: +l a learner that comes, +v a voter, -r a replica that goes, >r a transfer.
func told(m move) string {
	switch {
	case m.change != nil && len(m.change.Changes) == 0:
		return "leave"
	case m.change != nil:
		var parts []string
		for _, c := range m.change.Changes {
			sign := map[raftpb.ConfChangeType]string{raftpb.ConfChangeAddLearnerNode: "+l", raftpb.ConfChangeAddNode: "+v", raftpb.ConfChangeRemoveNode: "-"}
			parts = append(parts, fmt.Sprint(sign[c.GetType()], c.GetNodeId()))
		}
		return strings.Join(parts, " ")
	case m.transfer != 0:
		return fmt.Sprint(">", m.transfer)
	case m.waits != "":
		return "wait: " + m.waits
	}
	return "done"
}

type ids = []storage.ReplicaID

func conf(voters, learners []uint64) *raftpb.ConfState {
	return &raftpb.ConfState{Voters: voters, Learners: learners}
}

func TestNextMove(t *testing.T) {
	near, ready := Standing{InReach: true}, Standing{InReach: true, Ready: true}
	all := func(s Standing, members ...storage.ReplicaID) map[storage.ReplicaID]Standing {
		m := map[storage.ReplicaID]Standing{}
		for _, r := range members {
			m[r] = s
		}
		return m
	}
	for name, c := range map[string]struct {
		conf     *raftpb.ConfState
		want     Wanted
		standing map[storage.ReplicaID]Standing
		next     string
	}{
		"at rest":                              {conf([]uint64{1, 2, 3}, nil), Wanted{ids{3, 1, 2}, nil}, nil, "done"},
		"who comes is a learner first":         {conf([]uint64{1, 2, 3}, nil), Wanted{ids{1, 2, 4}, nil}, all(ready, 2, 3), "+l4"},
		"and has to catch up":                  {conf([]uint64{1, 2, 3}, []uint64{4}), Wanted{ids{1, 2, 4}, nil}, all(near, 2, 3, 4), "wait: 1 replicas catch up"},
		"then takes the place":                 {conf([]uint64{1, 2, 3}, []uint64{4}), Wanted{ids{1, 2, 4}, nil}, all(ready, 2, 3, 4), "+v4 -3"},
		"a place for each, the dead first":     {conf([]uint64{1, 2, 3}, []uint64{4, 5}), Wanted{ids{1, 4, 5}, nil}, all(ready, 2, 4), "+v4 -3"},
		"fewer replicas":                       {conf([]uint64{1, 2, 3}, nil), Wanted{ids{1, 2}, nil}, all(ready, 2, 3), "-3"},
		"a voter becomes a reader":             {conf([]uint64{1, 2, 3}, nil), Wanted{ids{1, 2}, ids{3}}, all(ready, 2, 3), "+l3"},
		"a reader becomes a voter":             {conf([]uint64{1, 2}, []uint64{3}), Wanted{ids{1, 2, 3}, nil}, all(ready, 2, 3), "+v3"},
		"a learner nobody wants":               {conf([]uint64{1, 2}, []uint64{9}), Wanted{ids{1, 2}, nil}, all(ready, 2), "-9"},
		"the leader hands over before it goes": {conf([]uint64{1, 2, 3}, nil), Wanted{ids{3, 2}, nil}, all(near, 2, 3), ">3"},
		"the others go before the leader":      {conf([]uint64{1, 2, 3, 4}, nil), Wanted{ids{4}, nil}, all(ready, 2, 3, 4), "-2 -3"},
		"a leader that was taken out":          {conf([]uint64{2, 3}, nil), Wanted{ids{4, 5}, nil}, all(ready, 2, 3), ">2"},
		"nobody to hand over to":               {conf([]uint64{1, 2}, nil), Wanted{ids{2}, nil}, nil, "wait: another voter is in reach, to lead"},
		"alone: the other comes first":         {conf([]uint64{1}, []uint64{2}), Wanted{ids{2}, nil}, all(ready, 2), "+v2"},
		"no majority of the new voters":        {conf([]uint64{1, 2, 3}, []uint64{4}), Wanted{ids{2, 3, 4}, nil}, all(ready, 4), "wait: 2 of the 4 voters to be are in reach, a majority is needed"},
		"in the middle of a joint change":      {&raftpb.ConfState{Voters: []uint64{1}, VotersOutgoing: []uint64{2}, AutoLeave: new(true)}, Wanted{ids{1}, nil}, nil, "wait: the joint configuration ends"},
		"a joint change that does not end":     {&raftpb.ConfState{Voters: []uint64{1}, VotersOutgoing: []uint64{2}}, Wanted{ids{1}, nil}, nil, "leave"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told(nextMove(c.conf, c.want, 1, c.standing)); got != c.next {
				t.Fatalf("%s, want %s", got, c.next)
			}
		})
	}
}

// TestMovesEnd holds that from any members to any others the moves end, each of them is one that
// etcd/raft takes, and none leaves fewer voters than before and after, drops the leader, or makes a
// voter of somebody who is not ready.
func TestMovesEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := func(label string, least int) ids {
			return rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(1, 9), func(n int) storage.ReplicaID { return storage.ReplicaID(n) }), least, 5, rapid.ID).Draw(t, label)
		}
		without := func(list, other ids) ids {
			return slices.DeleteFunc(slices.Clone(list), func(r storage.ReplicaID) bool { return slices.Contains(other, r) })
		}
		before := Wanted{Voters: some("voters", 1)}
		before.Learners = without(some("learners", 0), before.Voters)
		want := Wanted{Voters: some("wanted voters", 1)}
		want.Learners = without(some("wanted learners", 0), want.Voters)
		slow := some("slow", 0)

		now := restored(t, before)
		leader := before.Voters[0]
		for n := 0; ; n++ {
			if n > 40 {
				t.Fatalf("from %v to %v does not end: %v", before, want, now)
			}
			if n > 20 {
				slow = nil
			}
			standing := map[storage.ReplicaID]Standing{}
			for r := storage.ReplicaID(1); r < 10; r++ {
				standing[r] = Standing{InReach: true, Ready: !slices.Contains(slow, r)}
			}
			next := nextMove(now, want, leader, standing)
			switch {
			case next.transfer != 0:
				if !slices.Contains(now.Voters, uint64(next.transfer)) {
					t.Fatalf("leadership goes to %d, which does not vote: %v", next.transfer, now)
				}
				leader = next.transfer
			case next.change != nil:
				now = changed(t, now, next.change, standing)
			case next.waits == "":
				if !want.Is(now) {
					t.Fatalf("from %v to %v ended at %v", before, want, now)
				}
				return
			}
			if least := min(len(before.Voters), len(want.Voters)); len(now.Voters) < least || !slices.Contains(now.Voters, uint64(leader)) {
				t.Fatalf("from %v to %v by way of %v, led by %d", before, want, now, leader)
			}
		}
	})
}

func restored(t *rapid.T, w Wanted) *raftpb.ConfState {
	c := &raftpb.ConfState{}
	for _, r := range w.Voters {
		c.Voters = append(c.Voters, uint64(r))
	}
	for _, r := range w.Learners {
		c.Learners = append(c.Learners, uint64(r))
	}
	return c
}

// changed applies a change by etcd/raft's own rules, and ends the joint configuration if it begins
// one.
func changed(t *rapid.T, now *raftpb.ConfState, c *raftpb.ConfChangeV2, standing map[storage.ReplicaID]Standing) *raftpb.ConfState {
	for _, s := range c.Changes {
		if s.GetType() == raftpb.ConfChangeAddNode && !standing[storage.ReplicaID(s.GetNodeId())].Ready {
			t.Fatalf("%d is made a voter before it is ready", s.GetNodeId())
		}
	}
	changer := confchange.Changer{Tracker: tracker.MakeProgressTracker(1, 0), LastIndex: 10}
	config, progress, err := confchange.Restore(changer, now)
	if err != nil {
		t.Fatal(err)
	}
	changer.Tracker.Config, changer.Tracker.Progress = config, progress
	if auto, joint := c.EnterJoint(); joint {
		if config, progress, err = changer.EnterJoint(auto, c.Changes...); err == nil {
			changer.Tracker.Config, changer.Tracker.Progress = config, progress
			config, _, err = changer.LeaveJoint()
		}
	} else {
		config, _, err = changer.Simple(c.Changes...)
	}
	if err != nil {
		t.Fatalf("raft would refuse %v of %v: %v", c, now, err)
	}
	changer.Tracker.Config = config
	return changer.Tracker.ConfState()
}
