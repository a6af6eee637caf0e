package journal

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// Fitting returns how many writes from the beginning make one transaction: as many as fit, one at
// least.
func Fitting(writes []Write, maxBytes int64) int {
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

// Merge makes of a group's writes one append per replica, in one transaction; a write too large for
// one is cut into several, to be written one after the other. Barriers add nothing.
func Merge(g []Write) [][]storage.Append {
	switch {
	case len(g) == 1 && g[0].barrier():
		return nil
	case len(g) == 1:
		return cut(g[0].Append)
	}
	at := make(map[storage.ReplicaID]int, len(g))
	merged := make([]pile, 0, len(g))
	for i := range g {
		if g[i].barrier() {
			continue
		}
		a := &g[i].Append
		k, known := at[a.State.Replica]
		if known && merged[k].join(a) {
			continue
		}
		at[a.State.Replica] = len(merged)
		merged = append(merged, pile{Append: *a})
	}
	if len(merged) == 0 {
		return nil
	}
	appends := make([]storage.Append, len(merged))
	for i, p := range merged {
		appends[i] = p.Append
	}
	return [][]storage.Append{appends}
}

// pile is one append made of several of the same replica.
type pile struct {
	storage.Append
	own bool // Entries is this pile's memory, not that of whoever asked for the first append
}

// join puts an append behind the pile; false if the two do not make one: after a removal the store
// has to say what it thinks of the next append, and what concerns two generations is for the store
// to put together.
func (p *pile) join(a *storage.Append) bool {
	switch {
	case p.Remove || p.Distrust || a.Distrust || !a.Remove && p.State.Generation != a.State.Generation || p.State.Next != a.State.Next || len(a.NextEntries) > 0:
		return false
	case a.Remove:
		*p = pile{Append: *a}
		return true
	}
	entries := p.standing(a)
	if len(a.Entries) > 0 {
		if !p.own {
			entries = append(make([]*raftpb.Entry, 0, 2*(len(entries)+len(a.Entries))), entries...)
			p.own = true
		}
		entries = append(entries, a.Entries...)
	}
	p.State, p.Entries = a.State, entries
	if a.Checkpoint != nil {
		p.Checkpoint = a.Checkpoint
	}
	return true
}

// standing returns those of the pile's entries that still count after the append.
func (p *pile) standing(a *storage.Append) []*raftpb.Entry {
	end := a.State.Last.Index + 1
	if len(a.Entries) > 0 {
		end = a.Entries[0].GetIndex()
	}
	lo, hi := 0, len(p.Entries)
	for hi > lo && p.Entries[hi-1].GetIndex() >= end {
		hi--
	}
	for lo < hi && p.Entries[lo].GetIndex() <= a.State.Start.Index {
		lo++
	}
	return p.Entries[lo:hi]
}

// cut splits an append of very many entries into several that each fit a transaction. Each is an
// append that could have been asked for. The checkpoint goes with the first part that reaches it,
// because the start that comes with every part may need it.
func cut(a storage.Append) [][]storage.Append {
	var parts [][]storage.Append
	for !fits(&a) && len(a.Entries) > 1 {
		part := a
		for len(part.Entries) > 1 && !fits(&part) {
			part.Entries = part.Entries[:len(part.Entries)/2]
		}
		last := part.Entries[len(part.Entries)-1]
		part.State.Last = storage.Position{Index: last.GetIndex(), Term: last.GetTerm()}
		part.State.Commit = min(part.State.Commit, part.State.Last.Index)
		if a.Checkpoint != nil && a.Checkpoint.Index <= part.State.Last.Index {
			a.Checkpoint = nil
		} else {
			part.Checkpoint = nil
		}
		parts = append(parts, []storage.Append{part})
		a.Entries = a.Entries[len(part.Entries):]
	}
	return append(parts, []storage.Append{a})
}

func fits(a *storage.Append) bool { return a.Cost().Fits() }
