package raft

import (
	"errors"
	"sort"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// log is the durable log of one replica as etcd/raft reads it (raft.Storage): what the journal has
// reported as durable, and nothing else. The newest entries are also kept in memory, because
// followers want them again.
//
// Invariant: start.Index <= known <= last.Index+1; runs describe the terms of [known, last.Index].
type log struct {
	replica storage.ReplicaID
	store   Reader

	hard *raftpb.HardState // as of start-up; raft asks only then
	conf *raftpb.ConfState // as of the checkpoint
	snap *storage.Checkpoint
	// changedAt is the applied entry that changed the members last. A snapshot from before it may not
	// know whom it is for.
	changedAt uint64
	// compact tells that the machine's state is all that matters, so that a snapshot comes without the
	// log before it.
	compact    bool
	chunkBytes uint64

	start, last storage.Position
	// leaving is the last entry that the journal was told to drop: from start on up to it the store
	// may have entries, or not any more.
	leaving uint64

	known uint64 // first index whose term is in runs
	runs  []run

	cache      []*raftpb.Entry // contiguous up to last.Index
	cacheBytes uint64
	cacheLimit uint64

	failed error // first error of the store: the replica must be quarantined
}

// run is a stretch of entries of one term.
type run struct{ first, term uint64 }

func newLog(c *Config) *log {
	// a commit alone is not synced, the checkpoint is
	commit := max(c.State.Commit, c.Checkpoint.Index)
	return &log{
		replica: c.State.Replica,
		store:   c.Entries,
		hard:    &raftpb.HardState{Term: &c.State.Term, Vote: &c.State.Vote, Commit: &commit},
		conf:    c.Checkpoint.Conf,
		snap:    c.Checkpoint,
		start:   c.State.Start,
		last:    c.State.Last,
		leaving: c.State.Start.Index,
		known:   c.State.Last.Index + 1,
		compact: c.Compact, chunkBytes: c.Limits.ChunkBytes,

		cacheLimit: c.Limits.CacheBytes,
	}
}

// InitialState implements raft.Storage.
func (l *log) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	return l.hard, l.conf, nil
}

// FirstIndex implements raft.Storage.
func (l *log) FirstIndex() (uint64, error) { return l.start.Index + 1, nil }

// LastIndex implements raft.Storage.
func (l *log) LastIndex() (uint64, error) { return l.last.Index, nil }

// Term implements raft.Storage.
func (l *log) Term(i uint64) (uint64, error) {
	switch {
	case i < l.start.Index:
		return 0, raft.ErrCompacted
	case i == l.start.Index:
		return l.start.Term, nil
	case i == l.last.Index:
		return l.last.Term, nil
	case i > l.last.Index:
		return 0, raft.ErrUnavailable
	case i >= l.known:
		return l.runs[l.runOf(i)].term, nil
	}
	entries, err := l.read(i, i+1, 0)
	if err != nil {
		return 0, err
	}
	return entries[0].GetTerm(), nil
}

// runOf returns the run that contains index i >= known.
func (l *log) runOf(i uint64) int {
	return sort.Search(len(l.runs), func(k int) bool { return l.runs[k].first > i }) - 1
}

// Entries implements raft.Storage.
func (l *log) Entries(lo, hi, maxBytes uint64) ([]*raftpb.Entry, error) {
	if lo <= l.start.Index {
		return nil, raft.ErrCompacted
	}
	if hi > l.last.Index+1 {
		return nil, raft.ErrUnavailable
	}
	if n := uint64(len(l.cache)); n > 0 && lo >= l.cache[0].GetIndex() {
		first := l.cache[0].GetIndex()
		return limit(l.cache[lo-first:hi-first], maxBytes), nil
	}
	return l.read(lo, hi, maxBytes)
}

// limit returns the longest beginning of entries within maxBytes, one entry at least; a copy, for
// raft may append to it.
func limit(entries []*raftpb.Entry, maxBytes uint64) []*raftpb.Entry {
	n, bytes := 0, uint64(0)
	for n < len(entries) {
		bytes += uint64(len(entries[n].Data))
		if n > 0 && bytes > maxBytes {
			break
		}
		n++
	}
	return append([]*raftpb.Entry(nil), entries[:n]...)
}

// read reads from the store. An error there means that acknowledged entries cannot be read: it is
// kept so that the owner hears of it, and raft is told that the entries are gone: it then sends
// nothing, or a snapshot, until the owner acts on the error.
func (l *log) read(lo, hi, maxBytes uint64) ([]*raftpb.Entry, error) {
	entries, err := l.store.Entries(l.replica, lo, hi, maxBytes)
	if err != nil {
		if l.failed == nil && !(lo <= l.leaving && errors.Is(err, storage.ErrOutOfRange)) {
			l.failed = err
		}
		return nil, raft.ErrCompacted // over ErrUnavailable it panics
	}
	return entries, nil
}

// Snapshot implements raft.Storage: the newest checkpoint.
func (l *log) Snapshot() (*raftpb.Snapshot, error) {
	if l.snap.Index < l.changedAt {
		return nil, raft.ErrSnapshotTemporarilyUnavailable // a checkpoint is on its way
	}
	p := payload{start: l.snap.Position, machine: l.snap.Machine}
	if !l.compact {
		p.start, p.entries = l.start, l.small()
	}
	return &raftpb.Snapshot{
		Data: p.encode(),
		Metadata: &raftpb.SnapshotMetadata{
			ConfState: l.snap.Conf,
			Index:     &l.snap.Index,
			Term:      &l.snap.Term,
		},
	}, nil
}

// small returns the entries up to the checkpoint if they are few enough to travel with a snapshot,
// else none.
func (l *log) small() []*raftpb.Entry {
	n := l.snap.Index - l.start.Index
	if n == 0 || n > chunkEntries {
		return nil
	}
	entries, err := l.read(l.start.Index+1, l.snap.Index+1, l.chunkBytes)
	if err != nil || uint64(len(entries)) < n {
		return nil
	}
	return entries
}

// appended tells that entries are durable. What stood at the first one's index or above is gone.
func (l *log) appended(entries []*raftpb.Entry) {
	if len(entries) == 0 {
		return
	}
	l.truncate(entries[0].GetIndex())
	l.remember(entries)
	end := entries[len(entries)-1]
	l.last = storage.Position{Index: end.GetIndex(), Term: end.GetTerm()}
}

// remember adds entries to the terms and to the cache.
func (l *log) remember(entries []*raftpb.Entry) {
	for _, e := range entries {
		if n := len(l.runs); n == 0 || l.runs[n-1].term != e.GetTerm() {
			l.runs = append(l.runs, run{e.GetIndex(), e.GetTerm()})
		}
		l.cache = append(l.cache, e)
		l.cacheBytes += uint64(len(e.Data))
	}
	l.shrinkCache()
}

// truncate forgets what is known of entries at index from and above.
func (l *log) truncate(from uint64) {
	if from < l.known {
		l.known, l.runs = from, nil
	}
	for n := len(l.runs); n > 0 && l.runs[n-1].first >= from; n = len(l.runs) {
		l.runs = l.runs[:n-1]
	}
	for n := len(l.cache); n > 0 && l.cache[n-1].GetIndex() >= from; n = len(l.cache) {
		l.cacheBytes -= uint64(len(l.cache[n-1].Data))
		l.cache[n-1] = nil
		l.cache = l.cache[:n-1]
	}
}

func (l *log) shrinkCache() {
	for l.cacheBytes > l.cacheLimit && len(l.cache) > 1 {
		l.cacheBytes -= uint64(len(l.cache[0].Data))
		l.cache[0] = nil
		l.cache = l.cache[1:]
	}
}

// compacted tells that the log now starts behind position p.
func (l *log) compacted(p storage.Position) {
	if p.Index <= l.start.Index {
		return
	}
	l.start = p
	for len(l.cache) > 0 && l.cache[0].GetIndex() <= p.Index {
		l.cacheBytes -= uint64(len(l.cache[0].Data))
		l.cache = l.cache[1:]
	}
}

// reset makes the log one that begins behind start and ends with a snapshot.
func (l *log) reset(start storage.Position, snap *storage.Checkpoint) {
	l.snap = snap
	l.start, l.last = start, snap.Position
	l.known, l.runs = snap.Index+1, nil
	l.cache, l.cacheBytes = nil, 0
}

// preload takes entries read at start-up, the next ones up to last.
func (l *log) preload(entries []*raftpb.Entry) {
	l.known = min(l.known, entries[0].GetIndex())
	l.remember(entries)
}
