package badger

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// loader reads all records and proves each log as far as keys, the places they point to and the
// newest entries prove it. Four passes over keys in order, with one iterator each, whatever the
// number of replicas.
type loader struct {
	*Store
	txn      *badger.Txn
	files    map[uint32]int64             // lengths of the value-log files
	versions map[storage.ReplicaID]uint64 // of the records
	next     map[storage.ReplicaID]uint64 // the next index expected of a log
	pulled   map[storage.ReplicaID]uint64 // and of the one in the next generation
	live     int64                        // bytes of the value log that keys point to
}

// load fills a store that was just opened. An error means that nothing can be said; what is wrong
// with a replica makes it suspect.
func (s *Store) load() error {
	s.records = make(map[storage.ReplicaID]record)
	s.suspect = make(map[storage.ReplicaID]error)
	s.garbage.kept = make(map[storage.ReplicaID][]stretch)
	s.ledger.weights = make(map[storage.ReplicaID]*weight)
	return s.view(s.version, func(txn *badger.Txn) error {
		if err := checkFormat(txn); err != nil {
			return err
		}
		l := &loader{
			Store: s, txn: txn, files: valueLogs(s.options.Dir),
			versions: make(map[storage.ReplicaID]uint64), next: make(map[storage.ReplicaID]uint64), pulled: make(map[storage.ReplicaID]uint64),
		}
		l.scan('X', l.tombstone)
		l.scan('H', l.record)
		l.scan('L', l.entry)
		l.scan('C', l.chunk)
		l.finish()
		return l.readLost()
	})
}

// scan calls f with every item of a kind, in order of keys.
func (l *loader) scan(kind byte, f func(*badger.Item)) {
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	o.Prefix = []byte{kind}
	it := l.txn.NewIterator(o)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		l.point(it.Item())
		f(it.Item())
	}
}

// point checks where the value of an item lies.
func (l *loader) point(item *badger.Item) {
	p, ok := pointerOf(item)
	if !ok {
		return
	}
	l.live += int64(p.length)
	if err := p.in(l.files); err != nil {
		l.doubt(parseReplica(item.Key()), fmt.Errorf("a value of %q: %w", item.Key()[:1], err))
	}
}

// doubt makes a replica suspect and keeps the first reason. One that was removed has nothing to
// doubt.
func (s *Store) doubt(r storage.ReplicaID, err error) {
	h := s.records[r]
	if h.Removed || h.Suspect {
		return
	}
	h.Suspect, h.State.Replica = true, r
	s.records[r] = h
	s.suspect[r] = err
}

func (l *loader) tombstone(item *badger.Item) {
	r := parseReplica(item.Key())
	l.records[r] = record{Held: storage.Held{State: storage.State{Replica: r}, Removed: true}}
}

func (l *loader) record(item *badger.Item) {
	r := parseReplica(item.Key())
	if l.records[r].Removed {
		return // deleted with the tombstone, in one transaction: Badger has brought it back
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		l.doubt(r, fmt.Errorf("%w: its record: %v", storage.ErrCorrupt, err))
		return
	}
	h, err := decodeRecord(value)
	if err == nil && h.State.Replica != r {
		err = fmt.Errorf("%w: that of replica %d lies there", storage.ErrCorrupt, h.State.Replica)
	}
	if err != nil {
		l.doubt(r, fmt.Errorf("its record: %w", err))
		return
	}
	distrusted := h.Suspect
	h.Suspect = l.records[r].Suspect
	l.records[r] = h
	if distrusted {
		l.doubt(r, storage.ErrDistrusted)
	}
	l.versions[r] = item.Version()
	h = l.records[r]
	l.next[r], l.pulled[r] = h.State.Start.Index+1, h.State.Next.Start.Index+1
}

// entry decides about the key of an entry: it is the next one of its log, or was given up, or shows
// that something is wrong.
func (l *loader) entry(item *badger.Item) {
	r, generation, index := parseEntryKey(item.Key())
	h, ok := l.records[r]
	if !ok {
		l.doubt(r, fmt.Errorf("%w: its entries are there and its record is not", storage.ErrCorrupt))
		h = l.records[r]
	}
	if h.Known && item.Version() > l.versions[r] {
		l.doubt(r, fmt.Errorf("%w: entry %d is newer than its record: the end of its history is lost", storage.ErrCorrupt, index))
	}
	switch live := l.Store.live(r, generation, index, nil); {
	case live && generation == h.State.Generation:
		l.inLog(item, h.State, index)
	case live:
		l.ledger.of(r, h.State.Generation).next.add(index, dataBytes(item))
		l.follows(l.pulled, r, index)
	case l.records[r].Suspect:
		l.garbage.kept[r] = join(l.garbage.kept[r], stretch{r, generation, index, index + 1, dataBytes(item)})
	default: // trimmed or truncated, and not deleted yet
		l.garbage.add(stretch{r, generation, index, index + 1, dataBytes(item)})
	}
}

// follows checks that no entry is missing before this one.
func (l *loader) follows(next map[storage.ReplicaID]uint64, r storage.ReplicaID, index uint64) {
	if want := next[r]; index != want {
		l.doubt(r, fmt.Errorf("%w: entry %d is missing", storage.ErrCorrupt, want))
	}
	next[r] = index + 1
}

// inLog checks an entry that counts.
func (l *loader) inLog(item *badger.Item, s storage.State, index uint64) {
	l.follows(l.next, s.Replica, index)
	l.ledger.of(s.Replica, s.Generation).log.add(index, dataBytes(item))
	l.reclaim.weigh(int(item.EstimatedSize()))
	if index+storage.TailEntries <= s.Last.Index {
		return
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		l.doubt(s.Replica, fmt.Errorf("%w: entry %d: %v", storage.ErrCorrupt, index, err))
		return
	}
	e, err := decodeEntry(value, index)
	switch {
	case err != nil:
		l.doubt(s.Replica, fmt.Errorf("entry %d: %w", index, err))
	case index == s.Last.Index && e.GetTerm() != s.Last.Term:
		l.doubt(s.Replica, fmt.Errorf("%w: entry %d is of term %d, not %d", storage.ErrCorrupt, index, e.GetTerm(), s.Last.Term))
	}
}

// dataBytes returns the size of an entry's data, to a few bytes.
func dataBytes(item *badger.Item) int64 { return max(0, item.ValueSize()-sealBytes-entryBytes) }

// chunk weighs a piece of a checkpoint.
func (l *loader) chunk(item *badger.Item) {
	r := parseReplica(item.Key())
	if h := l.records[r]; h.Known {
		l.ledger.of(r, h.State.Generation).checkpoint += item.ValueSize() - sealBytes
	}
}

// finish checks the ends of the logs and the checkpoints.
func (l *loader) finish() {
	for r, h := range l.records {
		l.ledger.settle(r, h)
		if !h.Known {
			continue
		}
		if next := l.next[r]; next <= h.State.Last.Index {
			l.doubt(r, fmt.Errorf("%w: its log ends at %d and reached %d", storage.ErrCorrupt, next-1, h.State.Last.Index))
		}
		if next := l.pulled[r]; next <= h.State.Next.Last.Index {
			l.doubt(r, fmt.Errorf("%w: the log it pulls ends at %d and reached %d", storage.ErrCorrupt, next-1, h.State.Next.Last.Index))
		}
		if _, err := readCheckpoint(l.txn, h); err != nil && !errors.Is(err, storage.ErrNotFound) {
			l.doubt(r, fmt.Errorf("its checkpoint: %w", err))
		}
	}
	l.reclaim.dead = uint64(max(0, sizeOf(l.options.Dir, "*.vlog")-l.live))
}
