package raft

import (
	"fmt"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// TestNothingAcknowledgedIsLost runs a shard through loss, reordering, crashes and transfers of
// leadership, heals it, and compares what leaders reported with what everybody applied.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	acked, pulled := 0, 0
	for seed := range seeds(150) {
		for _, compact := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed=%d,compact=%v", seed, compact), func(t *testing.T) {
				w := newWorld(t, seed, compact)
				for range 6_000 {
					w.step(true)
				}
				w.heal()
				acked += len(w.acked)
				pulled += w.pulled
			})
		}
	}
	if acked < 10_000 {
		t.Fatalf("only %d values were acknowledged in all: the test proves little", acked)
	}
	if pulled < 50 {
		t.Fatalf("only %d logs were pulled: the test proves little", pulled)
	}
	t.Logf("%d values acknowledged, %d logs pulled", acked, pulled)
}

// TestCommitAloneCostsNoSync counts writes: one entry is one write on each replica, whatever commit
// indexes follow.
func TestCommitAloneCostsNoSync(t *testing.T) {
	w := newWorld(t, 1, false)
	leader := w.elect()
	w.drain()
	leader.replica.Propose([]byte("12345678"))
	w.settle(leader)
	writes := w.drain()
	if writes != 3 {
		t.Fatalf("one proposal cost %d writes on three replicas, want 3", writes)
	}
	if got := leader.replica.Status(); got.Applied != got.Last {
		t.Fatalf("not applied: %+v", got)
	}
}

// elect ticks the first member until it leads.
func (w *world) elect() *member {
	m := w.members[0]
	m.replica.Campaign()
	w.settle(m)
	w.drain()
	if m.replica.Status().Role != Leader {
		w.t.Fatalf("no leader: %+v", m.replica.Status())
	}
	return m
}

// drain delivers and syncs until nothing moves, and returns how many writes that took.
func (w *world) drain() (writes int) {
	for moved := true; moved; {
		moved = len(w.network) > 0
		w.deliver(false)
		for _, m := range w.members {
			for len(m.queue) > 0 {
				w.sync(m)
				w.settle(m)
				writes++
				moved = true
			}
		}
	}
	return writes
}

func TestNothingLeavesBeforeItIsDurable(t *testing.T) {
	w := newWorld(t, 1, false)
	leader := w.elect()
	leader.replica.Propose([]byte("12345678"))
	w.settle(leader)
	for len(w.network) > 0 { // the followers have it, none has synced
		w.deliver(false)
	}
	if s := leader.replica.Status(); s.Commit >= s.Last {
		t.Fatalf("committed without a sync anywhere: %+v", s)
	}
	w.sync(w.members[1])
	w.settle(w.members[1])
	w.deliver(false)
	if s := leader.replica.Status(); s.Commit >= s.Last {
		t.Fatalf("committed with one sync of three: %+v", s)
	}
	w.sync(leader)
	w.settle(leader)
	if s := leader.replica.Status(); s.Commit != s.Last || s.Applied != s.Last {
		t.Fatalf("two of three synced, and yet: %+v", s)
	}
}

func TestMessagesThatAreNotForThisReplicaAreIgnored(t *testing.T) {
	w := newWorld(t, 1, false)
	r := w.members[0].replica
	before := r.Status()
	for _, m := range []*raftpb.Message{
		{To: new(uint64(9)), From: new(uint64(2)), Type: raftpb.MsgApp.Enum(), Term: new(uint64(99))},
		{To: new(uint64(1)), From: new(^uint64(0)), Type: raftpb.MsgStorageAppendResp.Enum(), Term: new(uint64(99))},
		{To: new(uint64(1)), From: new(uint64(2)), Type: raftpb.MsgHup.Enum()},
	} {
		if err := r.Step(m); err != nil {
			t.Fatal(err)
		}
	}
	if r.Status() != before {
		t.Fatalf("changed to %+v", r.Status())
	}
}

func TestOpenRefusesWhatCannotBe(t *testing.T) {
	good := Found(7, 1, []storage.ReplicaID{1}, nil)
	for name, spoil := range map[string]func(*Config){
		"no checkpoint":          func(c *Config) { c.Checkpoint = nil },
		"commit above the log":   func(c *Config) { c.State.Commit = c.State.Last.Index + 1 },
		"checkpoint above it":    func(c *Config) { c.Checkpoint.Index = c.State.Last.Index + 1 },
		"no replica id":          func(c *Config) { c.State.Replica = 0 },
		"entries that are gone":  func(c *Config) { c.State.Last.Index += 5 },
		"checkpoint is nonsense": func(c *Config) { c.Checkpoint.Machine = []byte{1} },
	} {
		t.Run(name, func(t *testing.T) {
			checkpoint := *good.Checkpoint
			c := Config{State: good.State, Checkpoint: &checkpoint, Entries: memory.New(), Machine: &ledger{}}
			spoil(&c)
			if _, err := Open(c); err == nil {
				t.Fatal("opened")
			}
		})
	}
}

func TestInSync(t *testing.T) {
	w := newWorld(t, 1, false)
	leader := w.elect()
	if got := leader.replica.InSync(); len(got) != 3 {
		t.Fatalf("in sync right after the election: %v", got)
	}
	w.crash(w.members[2])
	for range 30 {
		leader.replica.Tick()
		w.settle(leader)
		w.drain()
	}
	if got := fmt.Sprint(leader.replica.InSync()); got != "[1 2]" {
		t.Fatalf("in sync without replica 3: %v", got)
	}
	if got := fmt.Sprint(leader.replica.Near()); got != "[2]" {
		t.Fatalf("near without replica 3: %v", got)
	}
	w.start(w.members[2])
	for range 10 {
		leader.replica.Tick()
		w.settle(leader)
		w.drain()
	}
	if got := leader.replica.InSync(); len(got) != 3 {
		t.Fatalf("in sync after the return: %v", got)
	}
}

// TestOpenReplaysALongTail opens a replica with more behind its checkpoint than is read at once:
// what was not replayed would be truncated by the next write.
func TestOpenReplaysALongTail(t *testing.T) {
	d := newDisk(t, Found(7, 1, []storage.ReplicaID{1}, nil))
	a := grown(Found(7, 1, []storage.ReplicaID{1}, nil).State, 10)
	if err := d.Write([]storage.Append{a}); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := d.Checkpoint(1)
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{}
	r, err := Open(Config{State: a.State, Checkpoint: checkpoint, Entries: d, Machine: l, Limits: Limits{MessageBytes: 20}})
	if err != nil {
		t.Fatal(err)
	}
	if last := Founding.Index + 10; r.Status().Last != last || l.last != last || r.state.Last != a.State.Last {
		t.Fatalf("replayed up to %d (machine %d, state %v), the log ends at %d", r.Status().Last, l.last, r.state.Last, last)
	}
}

// grown is an append of n entries behind a state.
func grown(s storage.State, n int) storage.Append {
	a := storage.Append{State: s}
	for range n {
		a.State.Last.Index++
		a.Entries = append(a.Entries, &raftpb.Entry{Index: new(a.State.Last.Index), Term: new(a.State.Last.Term), Data: make([]byte, 8)})
	}
	return a
}

func TestConfirmWaitsForAMajority(t *testing.T) {
	w := newWorld(t, 1, false)
	leader := w.elect()
	first := leader.replica.Confirm()
	w.settle(leader)
	if leader.confirmed != 0 {
		t.Fatal("confirmed by nobody")
	}
	w.drain()
	if leader.confirmed != first {
		t.Fatalf("confirmed %d, want %d", leader.confirmed, first)
	}
	leader.replica.Confirm()
	w.settle(leader)
	w.network = nil // it is cut off, and the others elect another
	for _, m := range w.members[1:] {
		m.replica.ForgetLeader()
	}
	w.members[1].replica.Campaign()
	w.settle(w.members[1])
	w.drain()
	if w.members[1].replica.Status().Role != Leader || leader.replica.Status().Role == Leader {
		t.Fatalf("no new leader: %v", w.states())
	}
	if leader.confirmed != first {
		t.Fatal("a deposed leader was confirmed")
	}
}

// TestWhatCannotBeReadIsAnError: a leader that finds an entry damaged when a follower wants it says
// so, and does not panic.
func TestWhatCannotBeReadIsAnError(t *testing.T) {
	w := newWorld(t, 1, false)
	leader := w.elect()
	w.crash(w.members[2])
	for range 20 {
		leader.replica.Propose(make([]byte, 64))
		w.settle(leader)
		w.drain()
	}
	leader.disk.Corrupt(leader.id, Founding.Index+3)
	w.start(w.members[2])
	for range 60 {
		leader.replica.Tick()
		fx, err := leader.replica.Ready()
		if err != nil {
			return
		}
		for _, m := range fx.Messages {
			to := w.members[m.GetTo()-1]
			if err := to.replica.Step(m); err != nil {
				t.Fatal(err)
			}
			w.settle(to)
		}
		for _, p := range w.network {
			if m, ok := p.what.(*raftpb.Message); ok && p.to == leader.id {
				if leader.replica.Step(m) != nil {
					return
				}
			}
		}
		w.network = nil
	}
	t.Fatal("nobody noticed")
}

// TestALearnerForgetsASilentLeader: whoever does not vote believes in a leader as long as it hears
// of it, and no longer.
func TestALearnerForgetsASilentLeader(t *testing.T) {
	w := newWorld(t, 1, false)
	m := w.add(Join(7, 9))
	w.start(m)
	beat := func() {
		err := m.replica.Step(&raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), From: new(uint64(1)), To: new(uint64(9)), Term: new(uint64(8))})
		if err != nil {
			t.Fatal(err)
		}
		w.settle(m)
	}
	leads := func() storage.ReplicaID {
		m.replica.Tick()
		w.settle(m)
		return m.replica.Status().Leader
	}
	for i := range 10 * m.replica.limits.ElectionTicks {
		if i%m.replica.limits.ElectionTicks == 0 {
			beat()
		}
		if got := leads(); got != 1 {
			t.Fatalf("after %d ticks with heartbeats replica %d leads", i, got)
		}
	}
	for range 2*m.replica.limits.ElectionTicks + 2 {
		leads()
	}
	if got := leads(); got != 0 {
		t.Fatalf("replica %d leads, of which nothing was heard for two election timeouts", got)
	}
	beat()
	if got := leads(); got != 1 {
		t.Fatalf("it is heard of again, and replica %d leads", got)
	}
}
