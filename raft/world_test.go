package raft

import (
	crypto "crypto/rand"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// ledger is a machine that remembers what was applied, and checks what it is told.
type ledger struct {
	last    uint64 // appended
	applied []uint64
	index   uint64
	free    uint64 // everything up to it is reclaimable
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
	if index%7 == 0 && index > 20 {
		l.free = index - 20
	}
	if data != nil {
		l.applied = append(l.applied, binary.BigEndian.Uint64(data))
	}
	return len(l.applied), nil
}

// Reclaimable implements Reclaimer.
func (l *ledger) Reclaimable() uint64 { return l.free }

func (l *ledger) Snapshot() []byte {
	b := binary.BigEndian.AppendUint64(nil, l.index)
	b = binary.BigEndian.AppendUint64(b, l.free)
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
	if len(b)%8 != 0 || len(b) < 16 {
		return errors.New("torn")
	}
	l.index, l.free = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	l.last = l.index
	for b = b[16:]; len(b) > 0; b = b[8:] {
		l.applied = append(l.applied, binary.BigEndian.Uint64(b))
	}
	return nil
}

// member is one replica of the world: nil while it is down.
type member struct {
	id      storage.ReplicaID
	disk    *memory.Store
	replica *Replica
	source  Source
	ledger  *ledger
	queue   []storage.Append // handed out, not reported
	durable int              // of them, the oldest
	gone    bool             // it left the shard and never runs again

	beats []Beat            // while it is idle, see idle_test.go
	heard []*raftpb.Message // of them, not stepped yet

	confirmed uint64
}

// small are limits that are often reached.
var small = Limits{CheckpointCount: 8, KeepEntries: 4, CacheBytes: 64, ChunkBytes: chunk}

// chunk is so small that most logs have to be pulled.
const chunk = 40

// world is a shard of three on a network that loses, delays and reorders, with disks that forget
// what was not reported.
type world struct {
	t       testing.TB
	rng     *rand.Rand
	compact bool
	members []*member
	network []packet
	deaf    bool     // Pulls are lost
	naps    int      // one in so many steps of a member that is down wakes it
	pulls   int      // sent
	pulled  int      // generations that were filled and became current
	acked   []uint64 // values whose application a leader reported
	next    uint64
	beats   int                                     // that were not stepped when they came
	pending map[storage.ReplicaID]map[uint64]uint64 // by leader and index: proposed values
	applied map[uint64]string                       // by index: the entry that was applied there first

	limits  Limits
	stalled map[storage.ReplicaID]bool // whose disk writes nothing
	cut     map[storage.ReplicaID]bool // who hears only one another, as do the rest
}

// packet is a message, a Pull or a Chunk on its way.
type packet struct {
	to   storage.ReplicaID
	what any
}

func newWorld(t testing.TB, seed int64, compact bool) *world { return newWorldOf(t, 3, seed, compact) }

// newWorldOf makes a shard of n.
func newWorldOf(t testing.TB, n int, seed int64, compact bool) *world {
	w := &world{t: t, rng: rand.New(rand.NewSource(seed)), compact: compact, naps: 20 + 180*int(seed%2), pending: map[storage.ReplicaID]map[uint64]uint64{}}
	w.limits = small
	w.seeded()
	ids := make([]storage.ReplicaID, n)
	for i := range ids {
		ids[i] = storage.ReplicaID(i + 1)
	}
	for _, id := range ids {
		w.start(w.add(Found(7, id, ids, nil)))
	}
	return w
}

// seeded has etcd/raft draw its election timeouts from the world's seed. It takes them from
// crypto/rand, so one world runs at a time.
func (w *world) seeded() {
	before := crypto.Reader
	crypto.Reader = rand.New(rand.NewSource(w.rng.Int63()))
	w.t.Cleanup(func() { crypto.Reader = before })
}

// apply checks that no two members, at any time, apply different entries at one index.
func (w *world) apply(m *member, a Applied) {
	if w.applied == nil {
		w.applied = map[uint64]string{}
	}
	entry := fmt.Sprintf("term %d, %x", a.Term, a.Data)
	if first, ok := w.applied[a.Index]; ok && first != entry {
		w.t.Fatalf("replica %d applies at %d an entry of %s, another replica applied one of %s", m.id, a.Index, entry, first)
	}
	w.applied[a.Index] = entry
}

// add makes a member of what founds it.
func (w *world) add(a storage.Append) *member {
	m := &member{id: a.State.Replica, disk: memory.New()}
	w.write(m, a)
	w.members = append(w.members, m)
	return m
}

func (w *world) write(m *member, a storage.Append) {
	if err := m.disk.Write([]storage.Append{a}); err != nil {
		w.t.Fatalf("replica %d: %v", m.id, err)
	}
}

// held returns what the disk of a member holds of it.
func (w *world) held(m *member) storage.State {
	all, err := m.disk.Replicas()
	if err != nil || len(all) != 1 {
		w.t.Fatalf("replica %d: %v, %v", m.id, all, err)
	}
	return all[0]
}

func (w *world) start(m *member) {
	m.ledger, m.source = &ledger{}, Source{ChunkBytes: chunk}
	checkpoint, err := m.disk.Checkpoint(m.id)
	if err != nil {
		w.t.Fatalf("replica %d: %v", m.id, err)
	}
	r, err := Open(Config{
		State: w.held(m), Checkpoint: checkpoint, Entries: m.disk, Machine: m.ledger, Compact: w.compact,
		Limits: w.limits,
	})
	if err != nil {
		w.t.Fatalf("replica %d does not open: %v", m.id, err)
	}
	m.replica = r
	w.pending[m.id] = map[uint64]uint64{}
}

func (w *world) crash(m *member) {
	m.replica, m.queue, m.durable, m.beats, m.heard = nil, nil, 0, nil, nil
}

// settle performs the effects of a member.
func (w *world) settle(m *member) {
	fx, err := m.replica.Ready()
	if err != nil {
		w.t.Fatalf("replica %d: %v", m.id, err)
	}
	m.confirmed = max(m.confirmed, fx.Confirmed)
	for _, msg := range fx.Messages {
		w.network = append(w.network, packet{storage.ReplicaID(msg.GetTo()), msg})
	}
	w.pulls += len(fx.Pulls)
	for _, p := range fx.Pulls {
		w.network = append(w.network, packet{p.To, p})
	}
	m.queue = append(m.queue, fx.Writes...)
	if m.replica.Status().Role != Leader {
		clear(w.pending[m.id])
	}
	for _, a := range fx.Applied {
		w.apply(m, a)
		if v, ok := w.pending[m.id][a.Index]; ok && a.Data != nil && binary.BigEndian.Uint64(a.Data) == v {
			w.acked = append(w.acked, v)
		}
	}
	m.beats = m.replica.Idle()
}

// step does one random thing.
func (w *world) step(faults bool) {
	m := w.members[w.rng.Intn(len(w.members))]
	if m.replica == nil {
		if !m.gone && (!faults || w.rng.Intn(w.naps) == 0) {
			w.start(m)
		}
		return
	}
	switch p := w.rng.Intn(1000); {
	case p < 50:
		w.tick(m)
	case p < 600:
		w.deliver(faults)
		return
	case p < 850 && w.stalled[m.id]:
	case p < 700 && m.durable < len(m.queue):
		w.reach(m)
	case p < 850:
		w.sync(m)
	case p < 990 && faults:
		w.propose(m)
	case p <= 991 && faults:
		w.crash(m)
		return
	case p == 993 && faults && m.replica.Status().Role == Leader:
		m.replica.Transfer(storage.ReplicaID(1 + w.rng.Intn(len(w.members))))
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
	p := w.network[i]
	w.network = append(w.network[:i:i], w.network[i+1:]...)
	if faults && w.rng.Intn(40) == 0 {
		w.network = append(w.network, p) // once more, later
	}
	if w.parted(p) {
		return
	}
	to := w.members[p.to-1]
	if _, pull := p.what.(*Pull); to.replica == nil || pull && w.deaf || faults && w.rng.Intn(30) == 0 {
		return
	}
	if err := w.take(to, p.what); err != nil {
		w.t.Fatalf("replica %d: %v", to.id, err)
	}
	w.settle(to)
}

// parted reports whether what is on its way is lost between two parts of the network. Who sent a
// Chunk is not known: it passes.
func (w *world) parted(p packet) bool {
	switch m := p.what.(type) {
	case *raftpb.Message:
		return w.cut[storage.ReplicaID(m.GetFrom())] != w.cut[p.to]
	case *Pull:
		return w.cut[m.From] != w.cut[p.to]
	}
	return false
}

// take gives a member what came for it.
func (w *world) take(to *member, what any) error {
	switch m := what.(type) {
	case *raftpb.Message:
		if w.beat(to, m) {
			return nil
		}
		return to.replica.Step(m)
	case *Chunk:
		parsed, err := ParseChunk(m.Encode())
		if err != nil {
			return err
		}
		return to.replica.Chunk(parsed)
	case *Pull:
		parsed, err := ParsePull(m.Encode())
		if err != nil {
			return err
		}
		to.replica.PulledFrom(parsed.From, parsed.Next)
		to.source.Pull(parsed)
		for to.source.Due() {
			c, _, err := to.source.Next(to.disk)
			if err != nil {
				return err
			}
			if c.Gone {
				to.replica.SnapshotSent(c.To, false)
			}
			w.network = append(w.network, packet{c.To, c})
		}
	}
	return nil
}

// reach makes the next write durable. The replica does not hear of it yet, though it reads from
// that disk.
func (w *world) reach(m *member) {
	a := m.queue[m.durable]
	if a.State.Generation > w.held(m).Generation && len(a.Entries) == 0 {
		w.pulled++
	}
	w.write(m, a)
	m.durable++
}

// sync reports the oldest write, which is durable by now.
func (w *world) sync(m *member) {
	if len(m.queue) == 0 {
		return
	}
	if m.durable == 0 {
		w.reach(m)
	}
	m.queue, m.durable = m.queue[1:], m.durable-1
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

// checkLogs compares what the disks hold, and expects that of a log nothing is gone that is needed.
func (w *world) checkLogs() {
	var from, last uint64
	for _, m := range w.members {
		s := w.held(m)
		from, last = max(from, s.Start.Index), s.Last.Index
		if !w.compact && s.Start.Index > max(m.ledger.free, Founding.Index) {
			w.t.Fatalf("the log of replica %d begins behind %d, and what is behind %d is needed", m.id, s.Start.Index, m.ledger.free)
		}
	}
	if from == last {
		return
	}
	var first string
	for _, m := range w.members {
		entries, err := m.disk.Entries(m.id, from+1, last+1, 1<<40)
		if err != nil {
			w.t.Fatalf("replica %d: %v", m.id, err)
		}
		var log string
		for _, e := range entries {
			log += fmt.Sprintf("%d/%d %v %x\n", e.GetIndex(), e.GetTerm(), e.GetType(), e.Data)
		}
		if first == "" {
			first = log
		}
		if log != first {
			w.t.Fatalf("the logs of replicas 1 and %d differ:\n%s\n%s", m.id, first, log)
		}
	}
}

// check holds every acknowledged value against what each member applied.
func (w *world) check() {
	for _, m := range w.members {
		if fmt.Sprint(m.ledger.applied) != fmt.Sprint(w.members[0].ledger.applied) {
			w.t.Fatalf("replicas 1 and %d applied different values", m.id)
		}
	}
	w.checkLogs()
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

// newDisk is a disk that holds what one append says.
func newDisk(t testing.TB, a storage.Append) *memory.Store {
	t.Helper()
	s := memory.New()
	if err := s.Write([]storage.Append{a}); err != nil {
		t.Fatal(err)
	}
	return s
}

var firstSeed = flag.Int64("seed", 0, "the first seed of the random worlds")

// seeds are so many seeds of worlds, from the first one on. With another first one, from the
// command line, it is a search.
func seeds(n int64) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		for seed := *firstSeed; seed < *firstSeed+n; seed++ {
			if !yield(seed) {
				return
			}
		}
	}
}
