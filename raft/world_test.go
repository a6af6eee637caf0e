package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// disk is the durable state of one replica: what survives a crash.
type disk struct {
	state      storage.State
	checkpoint *storage.Checkpoint
	entries    map[uint64]*raftpb.Entry
}

func (d *disk) write(a storage.Append) {
	for _, e := range a.Entries {
		d.entries[e.GetIndex()] = e
	}
	d.state = a.State
	if a.Checkpoint != nil {
		d.checkpoint = a.Checkpoint
	}
}

// Entries implements Reader.
func (d *disk) Entries(_ storage.ReplicaID, lo, hi, maxBytes uint64) ([]*raftpb.Entry, error) {
	var out []*raftpb.Entry
	var bytes uint64
	for i := lo; i < hi; i++ {
		e, ok := d.entries[i]
		if !ok || i > d.state.Last.Index || i <= d.state.Start.Index {
			return nil, fmt.Errorf("entry %d of (%d, %d]: %w", i, d.state.Start.Index, d.state.Last.Index, storage.ErrOutOfRange)
		}
		if bytes += uint64(len(e.Data)); len(out) > 0 && bytes > maxBytes {
			break
		}
		out = append(out, e)
	}
	return out, nil
}

// ledger is a machine that remembers what was applied, and checks what it is told.
type ledger struct {
	last    uint64 // appended
	applied []uint64
	index   uint64
}

func (l *ledger) Append(index, _ uint64, _ []byte) error {
	if index > l.last+1 || index <= l.index {
		return fmt.Errorf("append at %d behind %d, applied %d", index, l.last, l.index)
	}
	l.last = index
	return nil
}

func (l *ledger) Apply(index, _ uint64, data []byte) (any, error) {
	if index != l.index+1 || index > l.last {
		return nil, fmt.Errorf("apply %d after %d, appended %d", index, l.index, l.last)
	}
	l.index = index
	if data != nil {
		l.applied = append(l.applied, binary.BigEndian.Uint64(data))
	}
	return len(l.applied), nil
}

func (l *ledger) Snapshot() []byte {
	b := binary.BigEndian.AppendUint64(nil, l.index)
	for _, v := range l.applied {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func (l *ledger) Restore(b []byte) error {
	*l = ledger{index: Founding.Index, last: Founding.Index}
	if b == nil {
		return nil
	}
	if len(b)%8 != 0 {
		return errors.New("torn")
	}
	l.index = binary.BigEndian.Uint64(b)
	l.last = l.index
	for b = b[8:]; len(b) > 0; b = b[8:] {
		l.applied = append(l.applied, binary.BigEndian.Uint64(b))
	}
	return nil
}

// member is one replica of the world: nil while it is down.
type member struct {
	id      storage.ReplicaID
	disk    *disk
	replica *Replica
	ledger  *ledger
	queue   []storage.Append // handed out, not durable
	gone    bool             // it left the shard and never runs again
}

// world is a shard of three on a network that loses, delays and reorders, with disks that forget what was not reported.
type world struct {
	t       testing.TB
	rng     *rand.Rand
	compact bool
	members []*member
	network []*raftpb.Message
	acked   []uint64 // values whose application a leader reported
	next    uint64
	pending map[storage.ReplicaID]map[uint64]uint64 // by leader and index: proposed values
}

func newWorld(t testing.TB, seed int64, compact bool) *world {
	w := &world{t: t, rng: rand.New(rand.NewSource(seed)), compact: compact, pending: map[storage.ReplicaID]map[uint64]uint64{}}
	ids := []storage.ReplicaID{1, 2, 3}
	for _, id := range ids {
		m := &member{id: id, disk: &disk{entries: map[uint64]*raftpb.Entry{}}}
		m.disk.write(Found(7, id, ids, nil))
		w.members = append(w.members, m)
		w.start(m)
	}
	return w
}

func (w *world) start(m *member) {
	m.ledger = &ledger{}
	r, err := Open(Config{
		State: m.disk.state, Checkpoint: m.disk.checkpoint, Entries: m.disk, Machine: m.ledger, Compact: w.compact,
		Limits: Limits{CheckpointCount: 8, KeepEntries: 4, CacheBytes: 64},
	})
	if err != nil {
		w.t.Fatalf("replica %d does not open: %v", m.id, err)
	}
	m.replica = r
	w.pending[m.id] = map[uint64]uint64{}
}

func (w *world) crash(m *member) { m.replica, m.queue = nil, nil }

// settle performs the effects of a member.
func (w *world) settle(m *member) {
	fx, err := m.replica.Ready()
	if err != nil {
		w.t.Fatalf("replica %d: %v", m.id, err)
	}
	w.network = append(w.network, fx.Messages...)
	m.queue = append(m.queue, fx.Writes...)
	if m.replica.Status().Role != Leader {
		clear(w.pending[m.id])
	}
	for _, a := range fx.Applied {
		if v, ok := w.pending[m.id][a.Index]; ok && a.Data != nil && binary.BigEndian.Uint64(a.Data) == v {
			w.acked = append(w.acked, v)
		}
	}
}

// step does one random thing.
func (w *world) step(faults bool) {
	m := w.members[w.rng.Intn(len(w.members))]
	if m.replica == nil {
		if !m.gone && (!faults || w.rng.Intn(20) == 0) {
			w.start(m)
		}
		return
	}
	switch p := w.rng.Intn(1000); {
	case p < 50:
		m.replica.Tick()
	case p < 600:
		w.deliver(faults)
		return
	case p < 850:
		w.sync(m)
	case p < 990 && faults:
		w.propose(m)
	case p <= 991 && faults:
		w.crash(m)
		return
	case p == 993 && m.replica.Status().Role == Leader:
		m.replica.Transfer(storage.ReplicaID(1 + w.rng.Intn(3)))
	}
	w.settle(m)
}

func (w *world) deliver(faults bool) {
	if len(w.network) == 0 {
		return
	}
	i := 0
	if faults && w.rng.Intn(4) == 0 {
		i = w.rng.Intn(len(w.network))
	}
	msg := w.network[i]
	w.network = append(w.network[:i:i], w.network[i+1:]...)
	to := w.members[msg.GetTo()-1]
	if to.replica == nil || faults && w.rng.Intn(30) == 0 {
		return
	}
	if err := to.replica.Step(msg); err != nil {
		w.t.Fatalf("replica %d: %v", to.id, err)
	}
	w.settle(to)
}

// sync makes the oldest write durable, and reports it or crashes in between.
func (w *world) sync(m *member) {
	if len(m.queue) == 0 {
		return
	}
	m.disk.write(m.queue[0])
	m.queue = m.queue[1:]
	if err := m.replica.Written(); err != nil {
		w.t.Fatalf("replica %d: %v", m.id, err)
	}
}

func (w *world) propose(m *member) {
	if m.replica.Status().Role != Leader {
		return
	}
	var data [][]byte
	for range 1 + w.rng.Intn(3) {
		w.next++
		data = append(data, binary.BigEndian.AppendUint64(nil, w.next))
	}
	first, ok := m.replica.Propose(data...)
	if !ok {
		return
	}
	for i, d := range data {
		w.pending[m.id][first+uint64(i)] = binary.BigEndian.Uint64(d)
	}
}

// heal runs without faults until all members have applied the same, and checks it.
func (w *world) heal() {
	for range 200_000 {
		w.step(false)
		if w.agreed() {
			w.check()
			return
		}
	}
	w.t.Fatalf("the shard did not come to rest: %v", w.states())
}

func (w *world) agreed() bool {
	for _, m := range w.members {
		if m.replica == nil || m.ledger.index != w.members[0].ledger.index || m.replica.Status().Last != m.ledger.index || len(m.queue) > 0 {
			return false
		}
	}
	return true
}

func (w *world) states() (s []Status) {
	for _, m := range w.members {
		if m.replica != nil {
			s = append(s, m.replica.Status())
		}
	}
	return s
}

// check holds every acknowledged value against what each member applied.
func (w *world) check() {
	for _, m := range w.members {
		if fmt.Sprint(m.ledger.applied) != fmt.Sprint(w.members[0].ledger.applied) {
			w.t.Fatalf("replicas 1 and %d applied different values", m.id)
		}
	}
	have := map[uint64]int{}
	for _, v := range w.members[0].ledger.applied {
		have[v]++
	}
	for _, v := range w.acked {
		if have[v] != 1 {
			w.t.Fatalf("acknowledged value %d was applied %d times", v, have[v])
		}
	}
}
