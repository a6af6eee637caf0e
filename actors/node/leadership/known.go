package leadership

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// lead is a leader's word about itself.
type lead struct {
	shard  storage.ShardID
	epoch  int32
	node   metadata.NodeID
	inSync []storage.ReplicaID
	order  uint64 // of the leader's words: of two about one epoch the higher is the later
}

// known is what a node knows of who leads what: its own leaderships, and what leaders on other
// nodes told. A word of a higher epoch replaces one of a lower; the last word of an epoch counts.
type known struct {
	self metadata.NodeID

	mu    sync.RWMutex
	leads map[storage.ShardID]lead
	fresh map[storage.ShardID]struct{} // own, not told to the peers yet
	order uint64                       // of the last own word

	news local.Signal  // fires when something became known
	due  chan struct{} // holds one token while fresh is not empty
}

func newKnown(self metadata.NodeID) *known {
	return &known{
		self:  self,
		leads: make(map[storage.ShardID]lead),
		fresh: make(map[storage.ShardID]struct{}),
		due:   make(chan struct{}, 1),
	}
}

// get returns the leader of a shard, if one is known.
func (l *known) get(s storage.ShardID) (lead, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	known, ok := l.leads[s]
	return known, ok
}

// own takes the view of a replica on this node.
func (l *known) own(v *replica.View) {
	if v.Role != replica.Leader {
		return
	}
	l.mu.Lock()
	before, ok := l.leads[v.Shard]
	same := ok && before.epoch == v.Epoch && before.node == l.self && slices.Equal(before.inSync, v.InSync)
	if !same {
		l.order++
		l.leads[v.Shard] = lead{v.Shard, v.Epoch, l.self, v.InSync, l.order}
		l.fresh[v.Shard] = struct{}{}
	}
	l.mu.Unlock()
	if same {
		return
	}
	l.news.Fire()
	select {
	case l.due <- struct{}{}:
	default:
	}
}

// told takes the word of leaders on another node.
func (l *known) told(from metadata.NodeID, words []lead) {
	l.mu.Lock()
	for _, w := range words {
		w.node = from
		if before, ok := l.leads[w.shard]; !ok || w.later(before) {
			l.leads[w.shard] = w
		}
	}
	l.mu.Unlock()
	l.news.Fire()
}

func (w lead) later(than lead) bool {
	return w.epoch > than.epoch || w.epoch == than.epoch && w.node == than.node && w.order > than.order
}

// forget drops a shard that is no more.
func (l *known) forget(s storage.ShardID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.leads, s)
	delete(l.fresh, s)
}

// tell returns the own leaderships that changed since the last call; all of them if all is set.
func (l *known) tell(all bool) []lead {
	l.mu.Lock()
	defer l.mu.Unlock()
	var words []lead
	if all {
		for _, s := range slices.Sorted(maps.Keys(l.leads)) {
			if w := l.leads[s]; w.node == l.self {
				words = append(words, w)
			}
		}
		return words
	}
	for _, s := range slices.Sorted(maps.Keys(l.fresh)) {
		if w := l.leads[s]; w.node == l.self {
			words = append(words, w)
		}
	}
	clear(l.fresh)
	return words
}

// encodeLeads writes words as varints: shard, epoch, order, number in sync, each of them; again for
// the next.
func encodeLeads(words []lead) ([]byte, error) {
	var b []byte
	for _, w := range words {
		b = binary.AppendUvarint(b, uint64(w.shard))
		b = binary.AppendUvarint(b, uint64(w.epoch))
		b = binary.AppendUvarint(b, w.order)
		b = binary.AppendUvarint(b, uint64(len(w.inSync)))
		for _, r := range w.inSync {
			b = binary.AppendUvarint(b, uint64(r))
		}
	}
	return b, nil
}

var errLeads = errors.New("node: a list of leaders ends too early")

func decodeLeads(b []byte) ([]lead, error) {
	var words []lead
	bad := false
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad = true
			return 0
		}
		b = b[n:]
		return v
	}
	for len(b) > 0 && !bad {
		w := lead{shard: storage.ShardID(next()), epoch: int32(next()), order: next()}
		for n := next(); n > 0 && !bad; n-- {
			w.inSync = append(w.inSync, storage.ReplicaID(next()))
		}
		words = append(words, w)
	}
	if bad {
		return nil, errLeads
	}
	return words, nil
}
