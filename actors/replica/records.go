package replica

import (
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/partition"
	"github.com/troupe-mq/troupe/storage"
)

// records is the content of a partition: record batches in, offsets out.
type records struct {
	machine *partition.Partition
	store   storage.Store
	replica storage.ReplicaID
	tail    tail
	last    uint64 // last applied entry
	largest int64  // largest timestamp of the log
	now     func() int64
	clock   *clock
	room    func() bool
	traces  *traces

	producers *Producers
	counted   int // producers of this replica in producers

	taken   []asked // since the last propose
	checks  leadershipChecks
	waiting []waiting  // staged, in order of the high watermark that they wait for
	trims   []trimming // staged, in order of index once proposed
	keeps   []keeping  // staged, in order of index once proposed
	epoch   int32
	led     bool

	records, bytes uint64 // committed while leading
}

// waiting is a request whose records are in the log and not committed.
type waiting struct {
	until int64
	at    Appended
	done  func(Appended)
}

type trimming struct {
	start int64
	done  func(int64, *protocol.Error)
}

func (c *records) opened(applied uint64) {
	c.last, c.largest, c.tail = applied, c.machine.MaxTimestamp(), tail{limit: c.tail.limit}
}

func (c *records) lead(term uint64) {
	c.machine.Lead(term)
	c.epoch, c.led = int32(term), true
}

func (c *records) request(m any) bool {
	r, ok := m.(asked)
	if !ok {
		return false
	}
	if r, ok := m.(*Records); ok {
		c.clock.taken(r)
	}
	c.taken = append(c.taken, r)
	return true
}

func (c *records) propose() [][]byte {
	if len(c.taken) == 0 {
		return nil
	}
	for _, m := range c.taken {
		m.stage(c)
	}
	c.taken = nil
	return c.machine.Cut()
}

func (c *records) stage(m *Records) {
	if m.Epoch >= 0 && m.Epoch != c.epoch {
		m.refuse(notLeader(0))
		return
	}
	if c.room != nil && !c.room() {
		m.refuse(errNoRoom)
		return
	}
	at, err := c.machine.Stage(m.Batches, partition.StageOptions{AppendTime: c.appendTime(m), Producers: c.producers.limit()})
	if err != nil {
		refused := Appended{Err: err, BaseOffset: -1, LogAppendTime: -1, LogStart: c.machine.Start()}
		if final(err) {
			c.checks.add(func() { m.Done(refused) }, m.refuse)
			return
		}
		m.Done(refused)
		return
	}
	done := Appended{BaseOffset: at.BaseOffset, LogAppendTime: at.LogAppendTime}
	if at.Until <= c.machine.HighWatermark() {
		done.LogStart = c.machine.Start()
		m.Done(done)
		return
	}
	c.wait(waiting{at.Until, done, m.Done})
	c.traces.stage(m, at.BaseOffset, at.Until, c.clock.turn)
}

func (c *records) appendTime(m *Records) int64 {
	if !m.StampTime {
		return -1
	}
	return c.now()
}

// errNoRoom refuses records with an error that has clients look for the leader and try again:
// leaderships move to nodes with space.
var errNoRoom = protocol.Errorf(kerr.KafkaStorageError, "the disk of this node is nearly full: records are refused until there is space")

// wait adds a request in the order of what it waits for; only repetitions are ever not the last.
func (c *records) wait(w waiting) {
	at := len(c.waiting)
	if at > 0 && c.waiting[at-1].until > w.until {
		at = sort.Search(len(c.waiting), func(i int) bool { return c.waiting[i].until > w.until })
	}
	c.waiting = append(c.waiting, waiting{})
	copy(c.waiting[at+1:], c.waiting[at:])
	c.waiting[at] = w
}

func (c *records) stageTrim(m *Trim) {
	start, done, err := c.machine.StageTrim(m.Offset)
	if err != nil || done {
		m.Done(start, err)
		return
	}
	c.trims = append(c.trims, trimming{start, m.Done})
}

func (c *records) proposed(first, _ uint64) { c.placed(first) }

func (c *records) leadershipChecks() *leadershipChecks { return &c.checks }

func (c *records) recycle(entries [][]byte) {
	for _, e := range entries {
		c.machine.Recycle(e)
	}
}

// dropped refuses everything that waits: what of it is in the log may be committed by the next
// leader.
func (c *records) dropped() {
	c.fail(notLeader(0))
	c.machine.Unstage()
}

func (c *records) applied(e raft.Applied) {
	c.last = e.Index
	a := e.Result.(partition.Applied)
	if k, ok := chunkOf(e.Index, e.Data, a.Next); ok {
		c.tail.push(k)
		c.largest = k.time
		c.count(k)
	}
	c.tail.trimmed(max(a.Start, c.machine.Cleaned().Upto))
}

func (c *records) answer() {
	next, start, n := c.machine.HighWatermark(), c.machine.Start(), 0
	for ; n < len(c.waiting) && c.waiting[n].until <= next; n++ {
		w := c.waiting[n]
		w.at.LogStart = start
		w.done(w.at)
		c.waiting[n] = waiting{}
	}
	c.waiting = c.waiting[n:]
	for len(c.trims) > 0 && c.trims[0].start <= start {
		c.trims[0].done(start, nil)
		c.trims = c.trims[1:]
	}
	c.kept(c.last)
}

func (c *records) count(k chunk) {
	if c.led {
		c.records += uint64(k.next - k.base)
		c.bytes += uint64(len(k.data) - partition.HeaderBytes)
	}
}

// refuse answers what waits and ends leading.
func (c *records) refuse(cause *protocol.Error) {
	for _, m := range c.taken {
		m.refuse(cause)
	}
	c.taken = nil
	c.fail(cause)
	if c.led {
		c.machine.Follow()
		c.led = false
	}
}

func (c *records) fail(cause *protocol.Error) {
	for _, w := range c.waiting {
		w.done(Appended{Err: cause, BaseOffset: -1, LogAppendTime: -1, LogStart: -1})
	}
	for _, t := range c.trims {
		t.done(-1, cause)
	}
	for _, k := range c.keeps {
		k.done(cause)
	}
	c.waiting, c.trims, c.keeps = nil, nil, nil
	c.checks.fail(cause)
}

func (c *records) standing(s *Standing) {
	s.Waiting = len(c.taken) + len(c.waiting) + len(c.trims)
	s.Counts.Records, s.Counts.Bytes = c.records, c.bytes
	s.LogBytes, s.TailBytes = c.machine.Bytes(), c.tail.bytes
}

func (c *records) stopped() { c.producers.note(&c.counted, 0) }

func (c *records) view(v *View) {
	c.producers.note(&c.counted, c.machine.Producers())
	v.traced = c.traces.done
	v.LogStart = c.machine.Start()
	v.HighWatermark = c.machine.HighWatermark()
	v.logEnd = c.machine.End()
	v.LastStable = c.machine.LastStable()
	v.reader = reader{
		store: c.store, replica: c.replica, first: max(v.first, c.machine.Reclaimable()+1), applied: c.last, records: c.machine.LastRecords(),
		cleaned: c.machine.Cleaned(), runs: c.machine.Runs(),
		chunks: c.tail.chunks[:len(c.tail.chunks):len(c.tail.chunks)], anchors: c.tail.anchors[:len(c.tail.anchors):len(c.tail.anchors)],
		epochs: c.machine.Epochs(), largest: c.largest, meters: c.clock.meters,
	}
}

// OpenPartition opens a partition's replica on this node.
func OpenPartition(o Options, spawn Spawner) (*Ref, error) {
	machine := partition.New(partition.Limits{})
	k := &clock{stages: o.Stages, meters: o.Meters}
	t := newTraces(o)
	if o.Now == nil {
		o.Now = func() int64 { return time.Now().UnixMilli() }
	}
	return open(o, machine, &records{
		machine: machine, store: o.Store, replica: o.Replica, largest: -1,
		now: o.Now, clock: k, room: o.Room, traces: t, tail: tail{limit: o.Tail}, producers: o.Producers,
	}, k, t, false, spawn)
}
