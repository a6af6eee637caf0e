package storage

import "go.etcd.io/raft/v3/raftpb"

// Cost is what an append takes of a transaction's bounds: small values travel with their keys,
// large ones do not count.
type Cost struct {
	Keys  int
	Bytes int
}

// The bounds are what the smallest store takes: see storage/badger, which checks at compile time
// that its smallest memtable holds them.
const (
	// MaxKeys and MaxBytes bound the sum of the costs of one Write.
	MaxKeys  = 8_000
	MaxBytes = 768 << 10
	// MaxEntryBytes bounds the data of one entry. A Write may hold any number of such entries.
	MaxEntryBytes = 32 << 20
)

const (
	costRecord = 160     // key, bookkeeping and a state record
	costChunk  = 4 << 20 // of a checkpoint under one key
	costValue  = 1 << 10 // values from this size lie elsewhere
)

// Plus adds two costs.
func (c Cost) Plus(d Cost) Cost { return Cost{c.Keys + d.Keys, c.Bytes + d.Bytes} }

// Fits reports whether one Write may cost this much. Every Store must take as much.
func (c Cost) Fits() bool { return c.Keys <= MaxKeys && c.Bytes <= MaxBytes }

// Cost returns what the append costs.
func (a *Append) Cost() Cost {
	c := Cost{Keys: 2, Bytes: 2 * costRecord}.Plus(costOf(a.Entries)).Plus(costOf(a.NextEntries))
	if a.Checkpoint != nil {
		c.Keys += 1 + len(a.Checkpoint.Machine)/costChunk
		c.Bytes += costValue + costRecord
	}
	return c
}

func costOf(entries []*raftpb.Entry) Cost {
	c := Cost{Keys: len(entries)}
	for _, e := range entries {
		c.Bytes += costRecord / 2
		if len(e.Data) < costValue {
			c.Bytes += len(e.Data)
		}
	}
	return c
}

// DataBytes returns the bytes of entry data in the append.
func (a *Append) DataBytes() (n int64) {
	for _, entries := range [][]*raftpb.Entry{a.Entries, a.NextEntries} {
		for _, e := range entries {
			n += int64(len(e.Data))
		}
	}
	return n
}
