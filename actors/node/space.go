package node

import (
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

// spaces is how full this node's disk is, and what the peers said of theirs.
type spaces struct {
	level atomic.Uint32
	free  atomic.Int64
	low   local.NodeSet // peers whose disk is low or full
	full  local.NodeSet // of them
}

func (s *spaces) own() space.Level { return space.Level(s.level.Load()) }

// watchSpace looks at the disk until the node stops.
func (n *Node) watchSpace() {
	var told time.Time
	n.here.Every(spaceEvery, func(now time.Time) {
		before := n.spaces.own()
		level := n.lookAtSpace()
		if level != before || level > space.Ample && now.Sub(told) >= spaceAgain {
			told = now
			n.tellSpace(before, level)
		}
	})
}

// ballaster is a store that keeps a file for bad times.
type ballaster interface{ RestoreBallast() error }

// keepBallast has the file made that is given up when a full disk keeps the node from starting,
// once there is space for it.
func (n *Node) keepBallast() {
	b, ok := n.store.(ballaster)
	if !ok || n.config.Disk.BallastBytes == 0 {
		return
	}
	n.here.Every(spaceAgain, func(time.Time) {
		if n.spaces.own() != space.Ample {
			return
		}
		if err := b.RestoreBallast(); err != nil {
			n.here.Log.Warn("the ballast file could not be made", "error", err)
		}
	})
}

// stalled reports a slow disk.
func (n *Node) stalled(s journal.Stall) {
	attributes := []any{"took", s.Took, "writes", s.Writes, "bytes", s.Bytes, "bytes behind", s.Behind}
	if s.Ended {
		n.here.Log.Warn("the disk was slow: what waited for this sync is written", attributes...)
		return
	}
	n.here.Log.Warn("the disk is slow: a sync has not ended, and everything this node acknowledges waits for it", attributes...)
}

// lookAtSpace sets the level by what is free, less what is on its way to the disk.
func (n *Node) lookAtSpace() space.Level {
	room := n.store.Room()
	free := room.Free
	if j, ok := n.journal.(interface{ Unwritten() int64 }); ok {
		free -= j.Unwritten()
	}
	level := n.config.Disk.Watermarks.Next(n.spaces.own(), free, room.Total)
	n.spaces.level.Store(uint32(level))
	n.spaces.free.Store(room.Free)
	return level
}

// tellSpace tells the peers and the log of a level.
func (n *Node) tellSpace(before, level space.Level) {
	for _, peer := range n.here.Peers() {
		if n.here.Links.Up(peer) {
			n.here.Do(func() { tell(n.here, peer, spaceQuestion, level) })
		}
	}
	if level == before {
		return
	}
	room := n.store.Room()
	attributes := []any{"free", room.Free, "mark", n.config.Disk.Watermarks.Mark(room.Total), "size", room.Total, "dir", n.config.Dir}
	switch level {
	case space.Ample:
		n.here.Log.Info("the disk has space again: writes are taken", attributes...)
	case space.Low:
		n.here.Log.Warn("the disk is nearly full: writes are refused and leaderships are handed over until there is space", attributes...)
	case space.Full:
		n.here.Log.Error("the disk is full: this node follows no leader any more until there is space", attributes...)
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

// spaceTold takes a peer's word about its disk.
func (n *Node) spaceTold(from metadata.NodeID, level space.Level) (none question.Nothing, err error) {
	n.spaces.low.Set(from, level >= space.Low)
	n.spaces.full.Set(from, level >= space.Full)
	return none, nil
}

// low reports whether the disk of a node has too little room for it to lead.
func (n *Node) low(id metadata.NodeID) bool {
	if id == n.here.ID {
		return !n.roomy()
	}
	return n.spaces.low.Has(id)
}

// roomy reports whether records of producers and groups are taken.
func (n *Node) roomy() bool { return n.spaces.own() == space.Ample }

// bulky reports whether a message brings what takes space.
func bulky(s storage.ShardID, m *raftpb.Message) bool {
	if s == metadata.MetaShard {
		return false // without metadata no topic could be deleted
	}
	return m.GetType() == raftpb.MsgSnap || m.GetType() == raftpb.MsgApp && len(m.GetEntries()) > 0
}
