package hosting

import (
	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// logSource is the actor that gives the logs of this node's replicas to those elsewhere that pull
// them, no faster than its rate.
type logSource struct {
	hosting *Hosting
	address actors.Address // its own
	source  raft.Source
	nodes   map[storage.ReplicaID]metadata.NodeID // where those are that pull
	rate    local.Rate
	waiting bool // for the rate
}

// pulled is a Pull that came from a node.
type pulled struct {
	from metadata.NodeID
	pull *raft.Pull
}

// goOn tells the logSource that it may send again.
type goOn struct{}

func (hs *Hosting) openSource() error {
	l := &logSource{hosting: hs, source: raft.Source{ChunkBytes: hs.Replica.Limits.ChunkBytes}, nodes: make(map[storage.ReplicaID]metadata.NodeID)}
	if l.source.ChunkBytes == 0 {
		l.source.ChunkBytes = raft.DefaultChunkBytes
	}
	l.rate.Bytes = hs.LogBytes
	if l.rate.Bytes == 0 {
		l.rate.Bytes = defaultLendBytes
	}
	address, err := hs.Host.Spawn("log-source", l)
	if err != nil {
		return err
	}
	l.address, hs.source = address, address
	return nil
}

// Pulled takes a Pull of another node.
func (hs *Hosting) Pulled(from metadata.NodeID, body []byte) error {
	p, err := raft.ParsePull(body)
	if err != nil {
		return err
	}
	if ref := hs.replicas.Get(p.Shard); ref != nil && ref.Replica == p.To {
		ref.Send(&replica.Lend{To: p.From, Next: p.Next})
	}
	hs.source.Send(&pulled{from, p})
	return nil
}

// Chunk takes a piece of a log that a replica here pulls.
func (hs *Hosting) Chunk(body []byte) error {
	c, err := raft.ParseChunk(body)
	if err != nil {
		return err
	}
	if ref := hs.replicas.Get(c.Shard); ref != nil && ref.Replica == c.To {
		ref.Send(&replica.Pulled{Chunk: c})
	}
	return nil
}

// Turn implements actors.Actor.
func (l *logSource) Turn(messages []any) {
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
		if wait := l.rate.Wait(l.hosting.here.Now()); wait > 0 {
			l.waiting = true
			l.hosting.here.After(wait, func() { l.address.Send(&goOn{}) })
			return
		}
		l.give()
	}
}

// give sends the next chunk. One that is lost on its way, or that the link has no room for, is
// asked for again.
func (l *logSource) give() {
	c, bytes, err := l.source.Next(l.hosting.Store())
	l.rate.Spend(bytes)
	if err != nil {
		l.hosting.here.Log.Error("the log of a replica here cannot be given to another", "shard", c.Shard, "error", err)
	}
	if ref := l.hosting.replicas.Get(c.Shard); c.Gone && ref != nil {
		ref.Send(&replica.Lost{To: c.To})
	}
	l.hosting.here.Links.Carry(l.nodes[c.To], TellChunk, c.Encode())
}

// Stopped implements actors.Actor.
func (l *logSource) Stopped() {}

// defaultLendBytes is how much of its logs a node gives away in a second: a part of what a disk and
// a network of today can do, so that clients hardly notice.
const defaultLendBytes = 64 << 20
