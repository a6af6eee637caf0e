package upkeep

import (
	"log/slog"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/space"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Disk is how much of its disk a node leaves free, and when it is slow. The zero value leaves
// nothing and is never slow.
type Disk struct {
	Watermarks space.Watermarks
	// BallastBytes is the size of a file that only takes space: a node whose disk filled up all the
	// same gives it up to start.
	BallastBytes int64
	SlowSync     time.Duration // a sync that takes longer is reported
}

const (
	spaceEvery = 100 * time.Millisecond // between two looks at the disk
	spaceAgain = 5 * time.Second        // the peers are told again, should a word have been lost
)

// SpaceOptions are what a Space looks at.
type SpaceOptions struct {
	Disk      Disk
	Dir       string // of the data, for the log
	Store     storage.Store
	Unwritten func() int64 // bytes that wait for the disk
}

// Space is how full this node's disk is, and what the peers said of theirs. Safe for any goroutine.
type Space struct {
	here    *local.Node
	options SpaceOptions
	level   atomic.Uint32
	free    atomic.Int64
	low     local.NodeSet // peers whose disk is low or full
	full    local.NodeSet // of them
}

// NewSpace makes the Space of a node, and looks at its disk.
func NewSpace(here *local.Node, o SpaceOptions) *Space {
	s := &Space{here: here, options: o}
	s.look()
	return s
}

// Answer has the room answer what other nodes tell of their disks.
func (s *Space) Answer(t *question.Table) { spaceQuestion.Answered(t, s.told) }

// Own is how full this node's disk is.
func (s *Space) Own() space.Level { return space.Level(s.level.Load()) }

// Free is how many bytes are left on this node's disk.
func (s *Space) Free() int64 { return s.free.Load() }

// PeerFull reports whether a peer's disk is full, so that it takes nothing that needs space.
func (s *Space) PeerFull(id metadata.NodeID) bool { return s.full.Has(id) }

// Watch looks at the disk until the node stops.
func (s *Space) Watch() {
	var told time.Time
	s.here.Every(spaceEvery, func(now time.Time) {
		before := s.Own()
		level := s.look()
		if level != before || level > space.Ample && now.Sub(told) >= spaceAgain {
			told = now
			s.tell(before, level)
		}
	})
}

// KeepBallast has the file made that is given up when a full disk keeps the node from starting,
// once there is space for it.
func (s *Space) KeepBallast() {
	b, ok := s.options.Store.(storage.Ballaster)
	if !ok || s.options.Disk.BallastBytes == 0 {
		return
	}
	s.here.Every(spaceAgain, func(time.Time) {
		if s.Own() != space.Ample {
			return
		}
		if err := b.RestoreBallast(); err != nil {
			s.here.Log.Warn("the ballast file could not be made", "error", err)
		}
	})
}

// LogStall writes to the log that the disk is slow, or was.
func LogStall(log *slog.Logger, st journal.Stall) {
	attributes := []any{"took", st.Took, "writes", st.Writes, "bytes", st.Bytes, "bytes_behind", st.Behind}
	if st.Ended {
		log.Warn("the disk was slow: what waited for this sync is written", attributes...)
		return
	}
	log.Warn("the disk is slow: a sync has not ended, and everything this node acknowledges waits for it", attributes...)
}

// look sets the level by what is free, less what is on its way to the disk.
func (s *Space) look() space.Level {
	room := s.options.Store.Room()
	free := room.Free - s.options.Unwritten()
	level := s.options.Disk.Watermarks.Next(s.Own(), free, room.Total)
	s.level.Store(uint32(level))
	s.free.Store(room.Free)
	return level
}

// tell tells the peers and the log of a level.
func (s *Space) tell(before, level space.Level) {
	for _, peer := range s.here.Peers() {
		if s.here.Links.Up(peer) {
			s.here.Do(func() { question.Tell(s.here, peer, spaceQuestion, level) })
		}
	}
	if level == before {
		return
	}
	room := s.options.Store.Room()
	attributes := []any{"free", room.Free, "mark", s.options.Disk.Watermarks.Mark(room.Total), "size", room.Total, "dir", s.options.Dir}
	switch level {
	case space.Ample:
		s.here.Log.Info("the disk has space again: writes are taken", attributes...)
	case space.Low:
		s.here.Log.Warn("the disk is nearly full: writes are refused and leaderships are handed over until there is space", attributes...)
	case space.Full:
		s.here.Log.Error("the disk is full: this node follows no leader any more until there is space", attributes...)
	}
}

// spaceQuestion tells how full the asking node's disk is: one byte, the level.
var spaceQuestion = question.Question[space.Level, question.Nothing]{
	Name: "space",
	Request: question.Codec[space.Level]{
		Encode: func(l space.Level) ([]byte, error) { return []byte{byte(l)}, nil },
		Decode: func(b []byte) (space.Level, error) {
			if len(b) == 0 {
				return space.Ample, nil
			}
			return space.Level(b[0]), nil
		},
	},
}

// told takes a peer's word about its disk.
func (s *Space) told(from metadata.NodeID, level space.Level) (none question.Nothing, err error) {
	s.low.Set(from, level >= space.Low)
	s.full.Set(from, level >= space.Full)
	return none, nil
}

// Low reports whether the disk of a node has too little room for it to lead.
func (s *Space) Low(id metadata.NodeID) bool {
	if id == s.here.ID {
		return !s.Roomy()
	}
	return s.low.Has(id)
}

// Roomy reports whether records of producers and groups are taken.
func (s *Space) Roomy() bool { return s.Own() == space.Ample }

// Bulky reports whether a message brings what takes space.
func Bulky(shard storage.ShardID, m *raftpb.Message) bool {
	if shard == metadata.MetaShard {
		return false // without metadata no topic could be deleted
	}
	return m.GetType() == raftpb.MsgSnap || m.GetType() == raftpb.MsgApp && len(m.GetEntries()) > 0
}

// Tell tells a peer that was linked anew how full this node's disk is.
func (s *Space) Tell(peer metadata.NodeID) { question.Tell(s.here, peer, spaceQuestion, s.Own()) }
