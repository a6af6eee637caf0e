package hosting

import (
	"errors"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/storage"
)

// watched is the node's store as it is read: whoever finds out that something is not what was
// written, the replica whose it is hears of it and is quarantined.
type watched struct {
	storage.Store
	hosting *Hosting
}

// Entries implements storage.Store.
func (w watched) Entries(r storage.ReplicaID, lo, hi, maxBytes uint64) ([]*raftpb.Entry, error) {
	entries, err := w.Store.Entries(r, lo, hi, maxBytes)
	w.hosting.damaged(r, err)
	return entries, err
}

// Checkpoint implements storage.Store.
func (w watched) Checkpoint(r storage.ReplicaID) (*storage.Checkpoint, error) {
	c, err := w.Store.Checkpoint(r)
	w.hosting.damaged(r, err)
	return c, err
}

// Floor implements storage.Floored.
func (w watched) Floor() uint64 { return storage.FloorOf(w.Store) }

func (hs *Hosting) damaged(r storage.ReplicaID, err error) {
	if !errors.Is(err, storage.ErrCorrupt) {
		return
	}
	hs.replicas.Each(func(ref *replica.Ref) {
		if ref.Replica == r {
			ref.Send(&replica.Damaged{Cause: err})
		}
	})
}

// Store is what the node has stored, for those who look at it. Only the node writes to it.
func (hs *Hosting) Store() storage.Store { return watched{hs.Disk, hs} }
