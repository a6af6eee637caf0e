package memory

import (
	"hash/crc32"
	"maps"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/storage"
)

// item is one entry on the disk. It is shared by the live and the durable image and by their
// copies: damage is damage in both.
type item struct {
	entry *raftpb.Entry
	crc   uint32
	lost  bool
}

func newItem(e *raftpb.Entry) *item {
	e = proto.CloneOf(e)
	return &item{entry: e, crc: crc32.ChecksumIEEE(e.Data)}
}

func (i *item) whole() bool { return !i.lost && crc32.ChecksumIEEE(i.entry.Data) == i.crc }

// replica is what is held of one replica: entries[k] has the index held.State.Start.Index+1+k,
// next[k] held.State.Next.Start.Index+1+k.
type replica struct {
	held       storage.Held
	checkpoint *storage.Checkpoint
	entries    []*item
	next       []*item
	distrusted bool
}

// image is the content of a disk.
type image struct {
	reached  uint64 // writes ever
	node     *storage.Node
	replicas map[storage.ReplicaID]*replica
}

func newImage() *image { return &image{replicas: make(map[storage.ReplicaID]*replica)} }

// clone returns a copy that shares entries and checkpoints, which are never changed.
func (m *image) clone() *image {
	c := newImage()
	c.reached = m.reached
	if m.node != nil {
		n := cloneNode(*m.node)
		c.node = &n
	}
	for id, r := range m.replicas {
		d := *r
		d.entries = append([]*item(nil), r.entries...)
		d.next = append([]*item(nil), r.next...)
		c.replicas[id] = &d
	}
	return c
}

func cloneNode(n storage.Node) storage.Node {
	n.Founders, n.Peers = maps.Clone(n.Founders), maps.Clone(n.Peers)
	return n
}

func cloneCheckpoint(c *storage.Checkpoint) *storage.Checkpoint {
	return &storage.Checkpoint{
		Position: c.Position,
		Conf:     proto.CloneOf(c.Conf),
		Machine:  append([]byte(nil), c.Machine...),
	}
}

// bytes is how much entries and checkpoints take.
func (m *image) bytes() (n int64) {
	for _, r := range m.replicas {
		for _, log := range [][]*item{r.entries, r.next} {
			for _, it := range log {
				n += int64(len(it.entry.Data))
			}
		}
		if r.checkpoint != nil {
			n += int64(len(r.checkpoint.Machine))
		}
	}
	return n
}

// held returns what is held of a replica.
func (m *image) held(id storage.ReplicaID) storage.Held {
	if r, ok := m.replicas[id]; ok {
		return r.held
	}
	return storage.Held{}
}

// change is an append with what is held after it; it owns its memory.
type change struct {
	after      storage.Held
	distrust   bool
	entries    []*item
	next       []*item
	checkpoint *storage.Checkpoint
}

// apply performs a change that was checked.
func (m *image) apply(c change) {
	id := c.after.State.Replica
	if c.after.Removed {
		m.replicas[id] = &replica{held: c.after}
		return
	}
	r, ok := m.replicas[id]
	if c.distrust {
		if ok {
			r.held.Suspect, r.distrusted = true, true
		}
		return
	}
	if !ok {
		r = &replica{}
		m.replicas[id] = r
	}
	r.entries, r.next = r.rebuilt(c), r.filled(c)
	r.held = c.after
	if c.checkpoint != nil {
		r.checkpoint = c.checkpoint
	}
}

// rebuilt returns the entries after a change: of the old ones those that stand, and the new ones.
func (r *replica) rebuilt(c change) []*item {
	s, before := c.after.State, r.held.State
	switch {
	case s.Generation == before.Generation:
		return spliced(r.entries, before.Start.Index, s, c.entries)
	case s.Generation == before.Generation+1 && len(r.next) > 0 && s.Start.Index >= before.Next.Start.Index:
		return spliced(r.next, before.Next.Start.Index, s, c.entries)
	}
	return append([]*item(nil), c.entries...) // the other image gets a copy of its own
}

// spliced returns what a state leaves of a log that begins behind start, with more entries behind
// it.
func spliced(log []*item, start uint64, s storage.State, more []*item) []*item {
	first := s.Last.Index + 1
	if len(more) > 0 {
		first = more[0].entry.GetIndex()
	}
	n := uint64(len(log))
	from := min(s.Start.Index-start, n)
	to := max(from, min(first-start-1, n))
	return append(log[from:to], more...)
}

// filled returns the next generation's entries after a change.
func (r *replica) filled(c change) []*item {
	next := c.after.State.Next
	switch {
	case next == storage.Stretch{}:
		return nil
	case len(c.next) == 0:
		return r.next
	case c.next[0].entry.GetIndex() == next.Start.Index+1:
		return append([]*item(nil), c.next...)
	}
	return append(r.next, c.next...)
}

// at returns the entry of an index within the log.
func (r *replica) at(index uint64) *item { return r.entries[index-r.held.State.Start.Index-1] }
