package raft

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// puller brings the log that goes with a snapshot here before raft hears of the snapshot. Until all
// of it is durable the replica is the member it was: what it answers and how it votes rests on the
// log that it has, and nothing on the one that comes. The log goes into the next generation, so
// that what came survives a restart and is continued.
//
// What is pulled was applied where it comes from, so it is the same whoever gives it: a pull goes
// on with another source, and with a later snapshot.
type puller struct {
	offer *raftpb.Message // the snapshot; nil if nothing is pulled
	start storage.Position
	upto  storage.Position

	got    storage.Position // the last entry that was given to the journal
	came   []*Chunk         // since the last Ready
	under  int              // chunks that the journal has
	stream uint64
	seq    uint64 // of the next chunk
	asked  uint64 // credit of the last Pull of this stream
	due    bool   // a Pull is to be sent whatever the credit is

	idle  int // ticks since something came
	tries int // Pulls since then
}

const (
	// pullWindow is how many chunks may be on their way or waiting to become durable.
	pullWindow = 2
	// pullTicks is how long a chunk is waited for, pullTries how often it is asked for until the
	// snapshot is given up. The leader then sends another one.
	pullTicks = 20
	pullTries = 8
)

// Pulling tells which snapshot's log is being pulled and how far that is; ok is false if none is.
func (r *Replica) Pulling() (got, upto uint64, ok bool) {
	return r.pull.got.Index, r.pull.upto.Index, r.pull.offer != nil
}

// offered takes a snapshot of the leader. Raft hears of it at once if nothing has to be pulled for
// it, or if raft has no use for it.
func (r *Replica) offered(m *raftpb.Message) error {
	p, err := parsePayload(m.GetSnapshot().GetData())
	if err != nil {
		// of a newer build: as good as lost, the leader sends it again until this node is upgraded
		return nil
	}
	at := positionOf(m)
	if p.whole(at.Index) || m.GetTerm() < r.term() || at.Index <= r.commit() || r.holds(at) {
		return r.step(m)
	}
	r.pull.take(m, at, p.start, r.state.Next)
	return r.pulled()
}

func positionOf(m *raftpb.Message) storage.Position {
	return storage.Position{Index: m.GetSnapshot().GetMetadata().GetIndex(), Term: m.GetSnapshot().GetMetadata().GetTerm()}
}

// holds reports whether the log handed out contains a position.
func (r *Replica) holds(p storage.Position) bool {
	term, ok := r.termOf(p.Index)
	return ok && term == p.Term
}

// take begins to pull the log of a snapshot, or goes on with one that is being pulled. have is what
// is there of the next generation.
func (p *puller) take(m *raftpb.Message, at, start storage.Position, have storage.Stretch) {
	same := p.offer != nil && p.offer.GetFrom() == m.GetFrom()
	switch {
	case same && at.Index < p.upto.Index:
		return // an older one that was late
	case same && start == p.start && at == p.upto:
		return // the same once more
	}
	p.offer, p.start, p.upto = m, start, at
	if have.Start.Index > start.Index || have.Last.Index < start.Index || have.Last.Index > at.Index || have == (storage.Stretch{}) {
		have.Last, same = start, false // it begins anew
	}
	p.due, p.idle, p.tries = true, 0, 0
	if !same || p.got != have.Last {
		p.begin(have.Last)
	}
}

// begin begins another stream behind a position.
func (p *puller) begin(behind storage.Position) {
	p.got, p.came = behind, nil
	p.stream++
	p.seq, p.asked, p.due, p.idle = 0, 0, true, 0
}

// again asks anew for what did not come; after several times in vain the snapshot is given up.
func (p *puller) again(have storage.Stretch) {
	if p.tries++; p.tries > pullTries {
		p.offer, p.came = nil, nil
		return
	}
	if have.Last.Index > p.start.Index && have.Start.Index <= p.start.Index && have.Last.Index <= p.upto.Index {
		p.begin(have.Last)
	} else {
		p.begin(p.start)
	}
}

// Chunk takes a piece of the log that is being pulled; one that is not wanted is ignored.
func (r *Replica) Chunk(c *Chunk) error {
	p := &r.pull
	switch {
	case p.offer == nil || c.Stream != p.stream || c.Seq < p.seq:
		return nil
	case c.Gone:
		p.offer, p.came = nil, nil
		return nil
	case c.Seq > p.seq || c.First != p.got.Index+1:
		p.again(r.state.Next) // one was lost, or it is of another life
		return nil
	}
	last := p.got
	for _, e := range c.Entries {
		if e.GetIndex() > p.upto.Index || e.GetTerm() < last.Term {
			return fmt.Errorf("raft: %w: entry %d of term %d was pulled behind %v, up to %v", storage.ErrCorrupt, e.GetIndex(), e.GetTerm(), last, p.upto)
		}
		last = storage.Position{Index: e.GetIndex(), Term: e.GetTerm()}
	}
	if last.Index == p.upto.Index && last != p.upto {
		return fmt.Errorf("raft: %w: the log that was pulled ends at %v, its snapshot is at %v", storage.ErrCorrupt, last, p.upto)
	}
	p.came = append(p.came, c)
	p.got, p.idle, p.tries = last, 0, 0
	p.seq++
	return nil
}

// tickPull looks whether what is pulled comes.
func (r *Replica) tickPull() {
	p := &r.pull
	if p.offer == nil {
		return
	}
	if p.upto.Index <= r.commit() {
		p.offer, p.came = nil, nil // the log caught up by itself
		return
	}
	if p.under > 0 {
		return // it is here, the disk is slow
	}
	if p.idle++; p.idle >= pullTicks {
		p.again(r.state.Next)
	}
}

// performPull writes what came and asks for more.
func (r *Replica) performPull(fx *Effects) {
	p := &r.pull
	for _, c := range p.came {
		last := c.Entries[len(c.Entries)-1]
		start := r.state.Next.Start
		if c.First == p.start.Index+1 {
			start = p.start
		}
		r.state.Next = storage.Stretch{Start: start, Last: storage.Position{Index: last.GetIndex(), Term: last.GetTerm()}}
		p.under++
		r.hand(write{fills: true, start: r.state.Start, next: c.Entries}, fx)
	}
	p.came = nil
	if p.offer == nil || p.got.Index >= p.upto.Index {
		return
	}
	credit := p.seq + uint64(max(0, pullWindow-p.under))
	if credit <= p.asked && !p.due {
		return
	}
	p.asked, p.due = max(credit, p.asked), false
	fx.Pulls = append(fx.Pulls, &Pull{
		Shard: r.state.Shard, From: r.id, To: storage.ReplicaID(p.offer.GetFrom()),
		Stream: p.stream, Seq: p.seq, Next: p.got.Index + 1, Upto: p.upto.Index, Credit: p.asked,
	})
}

// pulled lets raft hear of the snapshot once all of its log is durable.
func (r *Replica) pulled() error {
	p := &r.pull
	if p.offer == nil || p.under > 0 || len(p.came) > 0 || p.got != p.upto || r.state.Next.Last != p.upto {
		return nil
	}
	m := p.offer
	p.offer = nil
	return r.step(m)
}
