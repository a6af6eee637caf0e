package sim

import (
	"fmt"
	"time"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// damage spoils an entry of one or two partitions on a machine that is down: near its end, where it
// is looked at when the store is opened, or anywhere.
func (w *World) damage(m *machine, vanish, near bool) {
	store := m.disk.store
	replicas, err := store.Replicas()
	if err != nil {
		panic(err)
	}
	for range 1 + w.pick(2) {
		if len(replicas) == 0 {
			return
		}
		s := replicas[w.pick(len(replicas))]
		if s.Shard == metadata.MetaShard || s.Last.Index <= s.Start.Index || w.checks.forgotten[s.Replica] != "" {
			continue
		}
		held := s.Last.Index - s.Start.Index
		index := s.Start.Index + 1 + uint64(w.pick(int(held)))
		if near {
			index = s.Last.Index - uint64(w.pick(min(storage.TailEntries, int(held))))
		}
		m.excused = true
		w.checks.damaged[place{s.Replica, index}] = true
		if vanish {
			store.Lose(s.Replica, index)
		} else {
			store.Corrupt(s.Replica, index)
		}
		w.event(w.clients, "damage")
		w.note(w.clients, "entry %d of replica %d of shard %d (of %d to %d) on %s is damaged, gone: %t", index, s.Replica, s.Shard, s.Start.Index+1, s.Last.Index, m.name(), vanish)
		if vanish || s.Last.Index-index < storage.TailEntries {
			w.checks.forgotten[s.Replica] = fmt.Sprintf("entry %d was lost", index)
		}
	}
	store.Crash() // it is opened, and checked, with the damage
}

// outOfService reports whether something of a replica was damaged. It may have been found or not;
// nobody counts on it.
func (w *World) outOfService(r storage.ReplicaID) bool {
	if w.checks.forgotten[r] != "" {
		return true
	}
	for at := range w.checks.damaged {
		if at.replica == r {
			return true
		}
	}
	return false
}

// tornWrite takes a machine's power in the middle of its next write.
func tornWrite(n metadata.NodeID, l loss, d time.Duration) Fault {
	what := fmt.Sprintf("n%d loses its power in the middle of a write", n)
	if l == keepsHalf {
		what += " that its disk had said to be synced"
	}
	return Fault{What: what, For: d,
		begin: func(w *World) {
			d := w.machines[n].disk
			d.tears, d.loss = true, l
		},
		end: func(w *World) {
			w.machines[n].disk.tears = false
			// what it knew of the members may be torn, and those of its configuration gone
			w.readdress(w.machines[n])
			w.start(w.machines[n])
		},
	}
}

// tear leaves half of a write on a machine's disk.
func (w *World) tear(m *machine) {
	store := m.disk.store
	if store.Pending() == 0 {
		return
	}
	for _, r := range store.Tear(w.pick(store.Pending())) {
		m.excused = true
		w.checks.forgotten[r] = "its last write was torn"
		w.event(w.clients, "torn")
		w.note(w.clients, "the last write of replica %d on %s is torn", r, m.name())
	}
}
