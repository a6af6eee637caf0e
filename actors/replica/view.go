package replica

import (
	"sync"
	"sync/atomic"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/storage"
)

// Role is what a replica is at the moment.
type Role uint8

// A Leader's View is published with this role only after it applied an entry of its own term: its
// high watermark is then at least that of every leader before it.
const (
	Follower Role = iota
	Candidate
	Leader
	Learner
)

// View is what a replica shows to readers: immutable, published as a whole after the turn that
// changed it.
type View struct {
	Shard   storage.ShardID
	Replica storage.ReplicaID

	Role   Role
	Leader storage.ReplicaID   // 0 if unknown
	Epoch  int32               // Raft's term, Kafka's leader epoch
	InSync []storage.ReplicaID // on the leader: voters within reach of its log; else nil
	Conf   *raftpb.ConfState   // the shard's members as of the last applied entry; not to be changed
	// Readers are, on the leader, the other replicas that are near enough to be read from, whether
	// they vote or not.
	Readers []storage.ReplicaID

	LogStart      int64 // first offset kept
	HighWatermark int64 // first offset not committed
	LastStable    int64 // first offset of the earliest open transaction, else HighWatermark

	logEnd int64          // see LogEnd; does not make a view another one
	traced []spans.Handed // the newest traced records that this leader committed
	reader                // how committed records are read: tail in memory, the rest in the store
	views  *views         // where later views of the replica are
}

// LogEnd is, on the leader, the first offset after its log, what is not committed included: at
// least the high watermark, and not older than the view. A follower can know sooner than the leader
// that records are committed, if the leader's disk is the slow one; who read them there is ahead of
// the leader's high watermark, and not out of its range.
func (v *View) LogEnd() int64 {
	if v.Role != Leader || v.views == nil {
		return v.HighWatermark
	}
	return max(v.HighWatermark, v.views.end.Load())
}

// Applied is the last entry of the log that the view shows; 0 for __meta, whose high watermark is
// it.
func (v *View) Applied() uint64 { return v.applied }

// Chunk is a piece of a partition's log: record batches back to back as they are stored. Bytes are
// immutable.
type Chunk []byte

// FetchLimits bound a read.
type FetchLimits struct {
	MaxBytes int // at least one batch is returned all the same if MinOne is set
	MinOne   bool
	Upto     int64 // first offset not to return: HighWatermark or LastStable
}

// views publishes Views and wakes those who wait for the next one.
type views struct {
	current atomic.Pointer[View]
	end     atomic.Int64 // of the log, what is not committed included
	marks   bookmarks

	mu       sync.Mutex
	watchers map[*watcher]struct{}
}

type watcher struct{ wake func() }

// View returns the newest view, never nil.
func (v *views) View() *View { return v.current.Load() }

// Watch calls wake after every View published from now on, until cancel is called. wake must be
// cheap and must not block; it may be called once more while cancel runs.
func (v *views) Watch(wake func()) (cancel func()) {
	w := &watcher{wake}
	v.mu.Lock()
	if v.watchers == nil {
		v.watchers = make(map[*watcher]struct{})
	}
	v.watchers[w] = struct{}{}
	v.mu.Unlock()
	return func() {
		v.mu.Lock()
		delete(v.watchers, w)
		v.mu.Unlock()
	}
}

// publish makes view the current one and wakes the watchers.
func (v *views) publish(view *View) {
	v.current.Store(view)
	v.mu.Lock()
	defer v.mu.Unlock()
	for w := range v.watchers {
		w.wake()
	}
}
