package raft

import (
	"errors"

	"github.com/troupe-mq/troupe/storage"
)

// Source gives the logs of a node's replicas to those that pull them: a core without a clock, for
// an owner that decides how fast. What it remembers of a stream may be forgotten at any time, the
// next Pull brings it back.
type Source struct {
	ChunkBytes uint64                        // as in Limits
	streams    map[storage.ReplicaID]*stream // by who pulls
	turn       []storage.ReplicaID           // those with credit, the next one first
}

// stream is how far a replica's pull is.
type stream struct {
	pull Pull
	next uint64 // index
	seq  uint64 // of the chunk that begins with it
}

func (s *stream) ready() bool { return s.seq < s.pull.Credit && s.next <= s.pull.Upto }

// maxStreams bounds what is remembered; beyond it all is forgotten, and comes back with the next
// Pulls.
const maxStreams = 1024

// Pull takes a Pull.
func (s *Source) Pull(p *Pull) {
	if s.streams == nil || len(s.streams) >= maxStreams {
		s.streams, s.turn = make(map[storage.ReplicaID]*stream), nil
	}
	st := s.streams[p.From]
	queued := st != nil && st.ready()
	if st == nil || st.pull.Stream != p.Stream || st.pull.To != p.To || st.seq < p.Seq || st.seq > p.Credit {
		st = &stream{next: p.Next, seq: p.Seq}
		s.streams[p.From] = st
	}
	st.pull = *p
	if st.ready() && !queued {
		s.turn = append(s.turn, p.From)
	}
}

// Due reports whether there is something to send.
func (s *Source) Due() bool {
	for len(s.turn) > 0 {
		if st := s.streams[s.turn[0]]; st != nil && st.ready() {
			return true
		}
		s.turn = s.turn[1:] // its stream began anew and has no credit yet
	}
	return false
}

// Next reads the next chunk that is due, in turn of who pulls, and tells how many bytes of entries
// it has. An error is about the log that the chunk should have come from and does not concern the
// others; the chunk then says so to who pulls.
func (s *Source) Next(logs Reader) (c *Chunk, bytes int, err error) {
	by := s.turn[0]
	s.turn = s.turn[1:]
	st := s.streams[by]
	c = &Chunk{Shard: st.pull.Shard, To: by, Stream: st.pull.Stream, Seq: st.seq, First: st.next}
	c.Entries, err = logs.Entries(st.pull.To, st.next, min(st.pull.Upto+1, st.next+chunkEntries), s.ChunkBytes)
	if err != nil {
		c.Gone = true
		delete(s.streams, by)
		if errors.Is(err, storage.ErrOutOfRange) {
			err = nil // trimmed meanwhile
		}
		return c, 0, err
	}
	for _, e := range c.Entries {
		bytes += len(e.Data)
	}
	st.seq++
	st.next += uint64(len(c.Entries))
	if st.ready() {
		s.turn = append(s.turn, by)
	}
	return c, bytes, nil
}
