package journal

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

var founding = storage.Position{Index: 10, Term: 5}

func found(r storage.ReplicaID) storage.Append {
	return storage.Append{
		State:      storage.State{Shard: 1, Replica: r, Start: founding, Last: founding},
		Checkpoint: &storage.Checkpoint{Position: founding, Conf: &raftpb.ConfState{Voters: []uint64{1}}},
	}
}

// grown is an append of n entries behind a state.
func grown(s storage.State, n int, data []byte) storage.Append {
	a := storage.Append{State: s}
	for range n {
		a.State.Last.Index++
		a.Entries = append(a.Entries, &raftpb.Entry{Index: new(a.State.Last.Index), Term: new(s.Last.Term), Type: raftpb.EntryNormal.Enum(), Data: data})
	}
	return a
}

// gated is a store whose writes and tidying wait until they are let through.
type gated struct {
	storage.Store
	enter  chan int   // the number of appends of a write that has begun
	leave  chan error // lets it end
	tidied atomic.Int64
	chores atomic.Int64 // steps of tidying there are
}

func newGated() *gated {
	return &gated{Store: memory.New(), enter: make(chan int), leave: make(chan error)}
}

func (g *gated) Write(a []storage.Append) error {
	g.enter <- len(a)
	if err := <-g.leave; err != nil {
		return err
	}
	return g.Store.Write(a)
}

func (g *gated) Tidy() (bool, error) {
	g.tidied.Add(1)
	return g.chores.Add(-1) > 0, nil
}

// pass lets one write through and returns how many appends it had.
func (g *gated) pass() int {
	n := <-g.enter
	g.leave <- nil
	return n
}

func noFatal(t *testing.T) func(error) {
	return func(err error) { t.Errorf("fatal: %v", err) }
}

func TestWhatQueuesDuringASyncIsOneGroup(t *testing.T) {
	g := newGated()
	var groups []Group
	var clock stages.Clock
	j := New(g, Options{Fatal: noFatal(t), Stages: &clock, Observe: func(o Group) { groups = append(groups, o) }})
	var order []storage.ReplicaID
	write := func(r storage.ReplicaID, a storage.Append) {
		j.Write(Write{Append: a, Done: func() { order = append(order, r) }})
	}
	write(1, found(1))
	if n := <-g.enter; n != 1 { // alone: nobody waits to gather
		t.Fatalf("the first group has %d appends", n)
	}
	for r := storage.ReplicaID(2); r <= 50; r++ {
		write(r, found(r))
	}
	write(1, grown(found(1).State, 3, []byte("abc")))
	g.leave <- nil
	if n := g.pass(); n != 50 {
		t.Fatalf("the second group has %d appends, want those of 50 replicas", n)
	}
	j.Close()
	if len(groups) != 2 || groups[1].Writes != 50 || groups[1].Bytes != 9 || groups[1].Duration <= 0 {
		t.Fatalf("groups %+v", groups)
	}
	if r := clock.Read(); r["wait"].Count != 51 || r["sync"].Count != 2 || r["group_writes"].Sum != 51 || r["group_bytes"].Sum != 9 {
		t.Fatalf("stages %+v", r)
	}
	want := []storage.ReplicaID{1}
	for r := storage.ReplicaID(2); r <= 50; r++ {
		want = append(want, r)
	}
	if want = append(want, 1); !slices.Equal(order, want) {
		t.Fatalf("order %v, want %v", order, want)
	}
}

func TestGroupsAreBounded(t *testing.T) {
	g := newGated()
	j := New(g, Options{Fatal: noFatal(t), GroupBytes: 1000})
	var all []Write
	for r := storage.ReplicaID(1); r <= 10; r++ {
		a := grown(found(r).State, 1, make([]byte, 400))
		a.Checkpoint = found(r).Checkpoint
		all = append(all, Write{Append: a})
	}
	// larger than a group
	all = append(all, Write{Append: grown(all[9].Append.State, 1, make([]byte, 5000))})
	j.Write(Write{Append: found(99)})
	<-g.enter
	j.Writes(all)
	g.leave <- nil
	var sizes []int
	for range 6 {
		sizes = append(sizes, g.pass())
	}
	j.Close()
	if !slices.Equal(sizes, []int{2, 2, 2, 2, 2, 1}) {
		t.Fatalf("groups of %v appends", sizes)
	}
}

func TestFailureAcknowledgesNothing(t *testing.T) {
	g, broken := newGated(), errors.New("broken")
	fatal := make(chan error, 1)
	j := New(g, Options{Fatal: func(err error) { fatal <- err }})
	var done atomic.Int64
	count := func() { done.Add(1) }
	j.Write(Write{Append: found(1), Done: count})
	g.pass()
	j.Write(Write{Append: found(2), Done: count})
	<-g.enter
	j.Write(Write{Append: found(3), Done: count})
	g.leave <- broken
	if err := <-fatal; err != broken {
		t.Fatalf("fatal with %v", err)
	}
	j.Write(Write{Append: found(4), Done: count})
	j.Close()
	if n := done.Load(); n != 1 {
		t.Fatalf("%d writes were acknowledged, want the one before the failure", n)
	}
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	s := memory.New()
	j := New(s, Options{Fatal: noFatal(t)})
	for r := storage.ReplicaID(1); r <= 100; r++ {
		j.Write(Write{Append: found(r)})
	}
	j.Close()
	if all, _ := s.Replicas(); len(all) != 100 {
		t.Fatalf("%d replicas were written", len(all))
	}
	j.Write(Write{Append: found(101), Done: func() { t.Error("a write after Close was acknowledged") }})
}

func TestIdleTidies(t *testing.T) {
	g := newGated()
	g.chores.Store(5)
	j := New(g, Options{Fatal: noFatal(t), Idle: time.Millisecond})
	waitFor(t, func() bool { return g.tidied.Load() == 5 }) // what an earlier process left
	g.chores.Store(3)
	j.Write(Write{Append: found(1)})
	g.pass()
	waitFor(t, func() bool { return g.tidied.Load() == 8 })
	j.Close()
	if n := g.tidied.Load(); n != 8 {
		t.Fatalf("tidied %d times, though there was nothing more to do", n)
	}
}

func waitFor(t *testing.T, f func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for poll := time.NewTicker(time.Millisecond); !f(); {
		select {
		case <-deadline:
			t.Fatal("waited in vain")
		case <-poll.C:
		}
	}
}

// TestManyReplicas has many goroutines write, and expects each one's acknowledgements in order and
// durable when given.
func TestManyReplicas(t *testing.T) {
	s := memory.New()
	j := New(s, Options{Fatal: noFatal(t)})
	const replicas, writes = 16, 50
	var all sync.WaitGroup
	for r := storage.ReplicaID(1); r <= replicas; r++ {
		all.Go(func() { appendMany(t, j, s, r, writes) })
	}
	all.Wait()
	j.Close()
	states, err := s.Replicas()
	if err != nil || len(states) != replicas {
		t.Fatalf("%d replicas, %v", len(states), err)
	}
	for _, state := range states {
		if state.Last.Index != founding.Index+writes {
			t.Errorf("replica %d ends at %d", state.Replica, state.Last.Index)
		}
	}
}

func appendMany(t *testing.T, j *Journal, s storage.Store, r storage.ReplicaID, writes int) {
	acks := make(chan uint64, writes)
	state := found(r).State
	j.Write(Write{Append: found(r)})
	for range writes {
		a := grown(state, 1, []byte("x"))
		state = a.State
		j.Write(Write{Append: a, Done: func() {
			if _, err := s.Entries(r, a.State.Last.Index, a.State.Last.Index+1, 1); err != nil {
				t.Errorf("acknowledged and not there: %v", err)
			}
			acks <- a.State.Last.Index
		}})
	}
	for i := range writes {
		if got, want := <-acks, founding.Index+1+uint64(i); got != want {
			t.Errorf("replica %d: %d acknowledged, want %d", r, got, want)
		}
	}
}

// A barrier writes nothing and tells that all before it is durable, alone and among others.
func TestBarrier(t *testing.T) {
	found := func(r storage.ReplicaID) storage.Append {
		return storage.Append{State: storage.State{Shard: 9, Replica: r, Term: 1, Last: storage.Position{Index: 1}, Start: storage.Position{Index: 1}},
			Checkpoint: &storage.Checkpoint{Position: storage.Position{Index: 1}, Conf: &raftpb.ConfState{Voters: []uint64{uint64(r)}}}}
	}
	store := memory.New()
	j := New(store, Options{Fatal: func(err error) { t.Error(err) }})
	defer j.Close()
	for round := range 3 {
		var all []Write
		for r := range storage.ReplicaID(round) {
			all = append(all, Write{Append: found(storage.ReplicaID(10*round) + r + 1)})
		}
		done := make(chan int, 1)
		all = append(all, Write{Done: func() {
			held, _ := store.Replicas()
			done <- len(held)
		}})
		j.Writes(all)
		if got, want := <-done, []int{0, 1, 3}[round]; got != want {
			t.Errorf("round %d: %d replicas are durable at the barrier, want %d", round, got, want)
		}
	}
}
