package raft

// Reclaimer is a Machine whose entries are what matters, not only what follows from them: the log
// keeps all above Reclaimable.
type Reclaimer interface {
	// Reclaimable is the last index of the applied entries that nobody needs any more. It never goes
	// back; 0 is none.
	Reclaimable() uint64
}

// Machine is what a shard replicates: a deterministic function of its entries. All methods are
// called by the shard's one owner, never concurrently. An error is a broken invariant: the replica
// is quarantined and none of it is acknowledged.
type Machine interface {
	// Append tells that an entry now stands at index in this replica's log, not yet committed. What
	// stood at index or above before is truncated. data is nil for entries that are Raft's own (empty,
	// membership); it is not to be written and stays valid as long as it is kept.
	Append(index, term uint64, data []byte) error
	// Apply tells that the entry at index is committed: called once for every index, in order. The
	// result is handed to whoever proposed it.
	Apply(index, term uint64, data []byte) (result any, err error)
	// Snapshot returns the state as of the last applied entry.
	Snapshot() []byte
	// Restore replaces the state by one that Snapshot returned, with nothing appended behind it. nil
	// is the state of an empty shard.
	Restore(snapshot []byte) error
}
