package node

import (
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// lender is the actor that gives the logs of this node's replicas to those elsewhere that pull
// them, no faster than its rate.
type lender struct {
	n       *Node
	address actors.Address // its own
	source  raft.Source
	nodes   map[storage.ReplicaID]metadata.NodeID // where those are that pull
	rate    rate
	waiting bool // for the rate
}

// pulled is a Pull that came from a node.
type pulled struct {
	from metadata.NodeID
	pull *raft.Pull
}

// goOn tells the lender that it may send again.
type goOn struct{}

func (n *Node) openLender() error {
	l := &lender{n: n, source: raft.Source{ChunkBytes: n.config.Limits.ChunkBytes}, nodes: make(map[storage.ReplicaID]metadata.NodeID)}
	if l.source.ChunkBytes == 0 {
		l.source.ChunkBytes = raft.DefaultChunkBytes
	}
	l.rate.bytes = n.config.LendBytes
	if l.rate.bytes == 0 {
		l.rate.bytes = defaultLendBytes
	}
	address, err := n.host.Spawn("lender", l)
	if err != nil {
		return err
	}
	l.address, n.lender = address, address
	return nil
}

// lend takes a Pull of another node.
func (n *Node) lend(from metadata.NodeID, body []byte) error {
	p, err := raft.ParsePull(body)
	if err != nil {
		return err
	}
	if ref := n.replicas.Get(p.Shard); ref != nil && ref.Replica == p.To {
		ref.Send(&replica.Lend{To: p.From, Next: p.Next})
	}
	n.lender.Send(&pulled{from, p})
	return nil
}

// chunk takes a piece of a log that a replica here pulls.
func (n *Node) chunk(body []byte) error {
	c, err := raft.ParseChunk(body)
	if err != nil {
		return err
	}
	if ref := n.replicas.Get(c.Shard); ref != nil && ref.Replica == c.To {
		ref.Send(&replica.Pulled{Chunk: c})
	}
	return nil
}

// Turn implements actors.Actor.
func (l *lender) Turn(messages []any) {
	for _, m := range messages {
		switch m := m.(type) {
		case *pulled:
			l.nodes[m.pull.From] = m.from
			l.source.Pull(m.pull)
		case *goOn:
			l.waiting = false
		}
	}
	for !l.waiting && l.source.Due() {
		if wait := l.rate.wait(l.n.here.Now()); wait > 0 {
			l.waiting = true
			l.n.here.After(wait, func() { l.address.Send(&goOn{}) })
			return
		}
		l.give()
	}
}

// give sends the next chunk. One that is lost on its way, or that the link has no room for, is
// asked for again.
func (l *lender) give() {
	c, bytes, err := l.source.Next(l.n.Store())
	l.rate.spend(bytes)
	if err != nil {
		l.n.here.Log.Error("the log of a replica here cannot be given to another", "shard", c.Shard, "error", err)
	}
	if ref := l.n.replicas.Get(c.Shard); c.Gone && ref != nil {
		ref.Send(&replica.Lost{To: c.To})
	}
	l.n.here.Links.Carry(l.nodes[c.To], tellChunk, c.Encode())
}

// Stopped implements actors.Actor.
func (l *lender) Stopped() {}

// defaultLendBytes is how much of its logs a node gives away in a second: a part of what a disk and
// a network of today can do, so that clients hardly notice.
const defaultLendBytes = 64 << 20

// rate bounds bytes per second. It may be overdrawn by one chunk, and saves up a tenth of a second.
type rate struct {
	bytes int64 // a second
	left  int64
	at    time.Time // when left was looked at
}

// wait returns how long nothing may be sent.
func (r *rate) wait(now time.Time) time.Duration {
	passed := min(max(now.Sub(r.at), 0), time.Hour) // a clock may go back, and begins somewhere
	r.left = min(r.left+int64(passed.Seconds()*float64(r.bytes)), r.bytes/10)
	r.at = now
	if r.left > 0 {
		return 0
	}
	return time.Duration(float64(1-r.left)/float64(r.bytes)*float64(time.Second)).Round(time.Millisecond) + time.Millisecond
}

func (r *rate) spend(bytes int) { r.left -= int64(bytes) }
