package raft

import (
	"fmt"
	"testing"

	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// counter is the smallest machine: it counts.
type counter struct{ applied uint64 }

func (c *counter) Append(uint64, uint64, []byte) error          { return nil }
func (c *counter) Apply(index, _ uint64, _ []byte) (any, error) { c.applied = index; return nil, nil }
func (c *counter) Snapshot() []byte                             { return nil }
func (c *counter) Restore([]byte) error                         { return nil }

// trio is a shard of three without threads, clocks and network: what costs is what Raft and this
// package do.
type trio struct {
	b       *testing.B
	members map[storage.ReplicaID]*Replica
	disks   map[storage.ReplicaID]*memory.Store
}

func newTrio(b *testing.B) *trio {
	t := &trio{b, map[storage.ReplicaID]*Replica{}, map[storage.ReplicaID]*memory.Store{}}
	ids := []storage.ReplicaID{1, 2, 3}
	for _, id := range ids {
		disk := memory.New()
		founding := Found(7, id, ids, nil)
		if err := disk.Write([]storage.Append{founding}); err != nil {
			b.Fatal(err)
		}
		r, err := Open(Config{State: founding.State, Checkpoint: founding.Checkpoint, Entries: disk, Machine: &counter{}, Compact: true})
		if err != nil {
			b.Fatal(err)
		}
		t.members[id], t.disks[id] = r, disk
	}
	t.members[1].Campaign()
	t.settle(1)
	if !t.members[1].Status().Established {
		b.Fatal("the first does not lead")
	}
	return t
}

// settle performs the effects of a member, and of all that hear of it.
func (t *trio) settle(id storage.ReplicaID) {
	fx, err := t.members[id].Ready()
	if err != nil {
		t.b.Fatal(err)
	}
	if len(fx.Writes) == 0 && len(fx.Messages) == 0 {
		return
	}
	for _, m := range fx.Messages {
		if err := t.members[storage.ReplicaID(m.GetTo())].Step(m); err != nil {
			t.b.Fatal(err)
		}
	}
	for _, w := range fx.Writes {
		if err := t.disks[id].Write([]storage.Append{w}); err != nil {
			t.b.Fatal(err)
		}
		if err := t.members[id].Written(); err != nil {
			t.b.Fatal(err)
		}
	}
	for other := range t.members {
		t.settle(other)
	}
}

// From a proposal until it is applied by the leader and known to be committed by the others, in
// turns that bring one entry, or several.
func BenchmarkCommit(b *testing.B) {
	for _, c := range []struct{ entries, size int }{{1, 1 << 10}, {1, 16 << 10}, {1, 128 << 10}, {16, 1 << 10}} {
		b.Run(fmt.Sprintf("%dx%dKiB", c.entries, c.size>>10), func(b *testing.B) {
			t := newTrio(b)
			leader := t.members[1]
			all := make([][]byte, c.entries)
			for i := range all {
				all[i] = make([]byte, c.size)
			}
			b.SetBytes(int64(c.entries * c.size))
			b.ReportAllocs()
			for b.Loop() {
				first, ok := leader.Propose(all...)
				if !ok {
					b.Fatal("a proposal was dropped")
				}
				t.settle(1)
				if got, want := leader.Status().Applied, first+uint64(c.entries)-1; got != want {
					b.Fatalf("%d is applied, %d was proposed", got, want)
				}
			}
		})
	}
}
