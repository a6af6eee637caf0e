package badger

import (
	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// stretch is a range [from, to) of entry keys of one replica that were given up.
type stretch struct {
	replica    storage.ReplicaID
	generation uint32
	from, to   uint64
	bytes      int64 // of the entries, as far as they are known; 0 if they are not
}

// trimmed is what lay below the new start, or in a generation that is not current any more.
func trimmed(before, after record) stretch {
	b := before.State
	if !before.Known {
		return stretch{}
	}
	end := b.Last.Index + 1
	if after.Known && after.State.Generation == b.Generation {
		end = min(end, after.State.Start.Index+1)
	}
	return stretch{replica: b.Replica, generation: b.Generation, from: b.Start.Index + 1, to: end}
}

// abandoned is what was there of the next generation and counts neither there nor, if that became
// current, in the log.
func abandoned(before, after record) []stretch {
	b, a := before.State, after.State
	from, to := b.Next.Start.Index+1, b.Next.Last.Index+1
	if !before.Known || from >= to {
		return nil
	}
	kept := storage.Stretch{}
	switch {
	case after.Known && a.Generation == b.Generation:
		kept = a.Next
	case after.Known && a.Generation == b.Generation+1:
		kept = storage.Stretch{Start: a.Start, Last: a.Last}
	}
	if kept.Last.Index < from || kept.Start.Index+1 >= to {
		return []stretch{{replica: b.Replica, generation: b.Generation + 1, from: from, to: to}}
	}
	return []stretch{
		{replica: b.Replica, generation: b.Generation + 1, from: from, to: kept.Start.Index + 1},
		{replica: b.Replica, generation: b.Generation + 1, from: kept.Last.Index + 1, to: to},
	}
}

// garbage are keys to be deleted, some with every Write, so that no transaction grows with what is
// deleted. It is not durable: Open finds again what was left.
type garbage struct {
	list []stretch
	// kept are the keys of suspect replicas: evidence until the replica is removed.
	kept map[storage.ReplicaID][]stretch
}

// add gives keys up. A stretch that continues the last one extends it.
func (g *garbage) add(s stretch) {
	if s.from >= s.to {
		return
	}
	g.list = join(g.list, s)
}

func join(list []stretch, s stretch) []stretch {
	if n := len(list); n > 0 {
		last := &list[n-1]
		if last.replica == s.replica && last.generation == s.generation && last.to == s.from {
			last.to, last.bytes = s.to, last.bytes+s.bytes
			return list
		}
	}
	return append(list, s)
}

// giveUp adds what does not count any more. What its entries weigh is what they do on the average
// if it is not known.
func (s *Store) giveUp(all ...stretch) {
	for _, g := range all {
		if g.bytes == 0 && g.from < g.to {
			g.bytes = int64(g.to-g.from) * s.reclaim.average()
		}
		s.garbage.add(g)
	}
}

// release gives up what a removed replica kept as evidence.
func (s *Store) release(r storage.ReplicaID) {
	s.giveUp(s.garbage.kept[r]...)
	delete(s.garbage.kept, r)
}

// collectKeys is how many keys one Write or Tidy deletes at most.
const collectKeys = 2000

// collect adds up to n deletions to a transaction and returns what the entries weigh. after is how
// the records of the Write under way will be: a log may have grown over what was given up, and that
// is not touched.
func (s *Store) collect(txn *badger.Txn, after map[storage.ReplicaID]record, n int) (bytes int64, err error) {
	g, deleted := &s.garbage, 0
	for scanned := 0; scanned < 4*collectKeys && deleted < n && len(g.list) > 0; scanned++ {
		d := &g.list[0]
		if d.from == d.to {
			g.list = g.list[1:]
			continue
		}
		share := d.bytes / int64(d.to-d.from)
		if !s.live(d.replica, d.generation, d.from, after) {
			if err := txn.Delete(entryKey(d.replica, d.generation, d.from)); err != nil {
				return bytes, err
			}
			deleted++
			bytes += share
		}
		d.from++
		d.bytes -= share
	}
	return bytes, nil
}

// live reports whether an entry of a replica counts.
func (s *Store) live(r storage.ReplicaID, generation uint32, index uint64, after map[storage.ReplicaID]record) bool {
	h, ok := after[r]
	if !ok {
		h = s.records[r] // only the writer, which this is, changes it
	}
	return h.Known && counts(h.State, generation, index)
}

// counts reports whether an entry is in a replica's log or in the one it pulls.
func counts(s storage.State, generation uint32, index uint64) bool {
	switch generation {
	case s.Generation:
		return index > s.Start.Index && index <= s.Last.Index
	case s.Generation + 1:
		return index > s.Next.Start.Index && index <= s.Next.Last.Index
	}
	return false
}
