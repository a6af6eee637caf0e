package journal

import (
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// group returns how many writes from the beginning make one transaction: as many as fit, one at least.
func group(writes []Write, maxBytes int64) int {
	var bytes int64
	var cost storage.Cost
	for i, w := range writes {
		bytes += w.Append.DataBytes()
		cost = cost.Plus(w.Append.Cost())
		if i > 0 && (bytes > maxBytes || !cost.Fits()) {
			return i
		}
	}
	return len(writes)
}

// merge makes of a group's writes one append per replica, in one transaction; a write too large for one is cut into several, to be
// written one after the other.
func merge(g []Write) [][]storage.Append {
	if len(g) == 1 {
		return cut(g[0].Append)
	}
	at := make(map[storage.ReplicaID]int, len(g))
	merged := make([]storage.Append, 0, len(g))
	for _, w := range g {
		i, known := at[w.Append.State.Replica]
		if !known {
			at[w.Append.State.Replica] = len(merged)
			merged = append(merged, w.Append)
			continue
		}
		merged[i] = join(merged[i], w.Append)
	}
	return [][]storage.Append{merged}
}

// join makes one append of two of the same replica, the second behind the first.
func join(a, b storage.Append) storage.Append {
	if b.Remove {
		return b
	}
	c := storage.Append{State: b.State, Checkpoint: b.Checkpoint}
	if c.Checkpoint == nil {
		c.Checkpoint = a.Checkpoint
	}
	c.Entries = slices.Concat(standing(a.Entries, b), b.Entries)
	return c
}

// standing returns those of the earlier entries that still count after the later append.
func standing(entries []*raftpb.Entry, later storage.Append) []*raftpb.Entry {
	end := later.State.Last.Index + 1
	if len(later.Entries) > 0 {
		end = later.Entries[0].GetIndex()
	}
	lo, hi := 0, len(entries)
	for hi > lo && entries[hi-1].GetIndex() >= end {
		hi--
	}
	for lo < hi && entries[lo].GetIndex() <= later.State.Start.Index {
		lo++
	}
	return entries[lo:hi]
}

// cut splits an append of very many entries into several that each fit a transaction. The last carries the checkpoint.
func cut(a storage.Append) [][]storage.Append {
	var parts [][]storage.Append
	for !a.Cost().Fits() && len(a.Entries) > 1 {
		n := len(a.Entries)
		for n > 1 && !fits(a.Entries[:n]) {
			n /= 2
		}
		part := storage.Append{State: a.State, Entries: a.Entries[:n]}
		last := a.Entries[n-1]
		part.State.Last = storage.Position{Index: last.GetIndex(), Term: last.GetTerm()}
		part.State.Commit = min(part.State.Commit, part.State.Last.Index)
		part.State.Start = before(part.State.Start, part.State.Last)
		parts = append(parts, []storage.Append{part})
		a.Entries = a.Entries[n:]
	}
	return append(parts, []storage.Append{a})
}

func before(a, b storage.Position) storage.Position {
	if b.Index < a.Index {
		return b
	}
	return a
}

func fits(entries []*raftpb.Entry) bool {
	a := storage.Append{Entries: entries}
	return a.Cost().Fits()
}
