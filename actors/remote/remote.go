// Package remote carries messages between the nodes: two protoactor remotes a node (control and
// bulk), one link actor per peer on each, frames, byte windows, and questions with an answer.
package remote

import (
	"context"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Address is where a node's two remotes listen.
type Address struct {
	Control string // host:port
	Bulk    string // host:port
}

// Raft is one raft message of one shard.
type Raft struct {
	Shard   storage.ShardID
	Message *raftpb.Message // nil of a beat that came over a link, until Decode
	// Wire is the encoding of a beat: of one that is sent, if its sender has it already, and of one
	// that came. Not to be changed.
	Wire []byte
	// Marks are of entries in the message that are traced, nil for most; Arrived is when such a
	// message came over the link. The message itself does not change by being traced.
	Marks   []spans.Mark
	Arrived stages.Moment
}

// Receiver gets what peers send. Its methods are called by link actors: they must not block and
// must not keep the slice.
type Receiver interface {
	// Raft delivers raft messages of one peer, in the order sent per lane. Messages whose From or To
	// is a local storage thread of etcd/raft were dropped already, or are by Decode.
	Raft(from metadata.NodeID, messages []Raft)
	// Ask delivers a question; reply is called exactly once, now or later, from any goroutine.
	Ask(from metadata.NodeID, kind string, body []byte, reply func(body []byte, err error))
	// Told delivers what a peer told, in the order told per lane. It may keep the body.
	Told(from metadata.NodeID, kind string, body []byte)
	// Linked tells that the control link to a peer came up or went down.
	Linked(peer metadata.NodeID, up bool)
	// Unreachable tells that messages of this shard to this replica were dropped: raft must probe
	// again.
	Unreachable(s storage.ShardID, to storage.ReplicaID)
}

// Links are a node's connections to its peers. Safe for any number of goroutines.
type Links interface {
	// Start begins to listen and to deliver. Called once.
	Start(r Receiver) error
	// Addresses are where the links listen and what peers are told, known once they have started;
	// empty of links that bind nothing.
	Addresses() (listen, advertised Address)
	// SetPeer adds a peer or changes its address; RemovePeer forgets it and ends its connection.
	SetPeer(n metadata.NodeID, a Address)
	RemovePeer(n metadata.NodeID)
	// Send hands a raft message to a peer. It never blocks; what a link that is down or whose window
	// is full cannot take is dropped and reported by Unreachable.
	Send(to metadata.NodeID, m Raft)
	// SendAll sends many beats at once, and keeps the slice.
	SendAll(to metadata.NodeID, beats []Raft)
	// Flush tells that a turn ended: what was sent goes out now. (Send may gather until Flush.)
	Flush()
	// Ask puts a question to a peer and waits for the answer. An error answered by the other side is a
	// *RemoteError.
	Ask(ctx context.Context, to metadata.NodeID, kind string, body []byte) ([]byte, error)
	// Tell tells a peer something, which may be lost, and never blocks. What is large goes by Carry,
	// behind what raft sends.
	Tell(to metadata.NodeID, kind string, body []byte)
	// Carry is Tell on the bulk lane, within its window; false if it cannot take more now.
	Carry(to metadata.NodeID, kind string, body []byte) bool
	// AskAt is Ask to whatever node listens at a control address: how a node that knows nobody yet
	// finds the cluster.
	AskAt(ctx context.Context, address, kind string, body []byte) ([]byte, error)
	// Read returns what was exchanged with each peer, in order of node.
	Read() []PeerReading
	// Up reports whether the control link to a peer is up.
	Up(n metadata.NodeID) bool
	// Stop ends all connections.
	Stop()
}

// RemoteError is an error that the asked node answered.
type RemoteError struct{ Text string }

func (e *RemoteError) Error() string { return e.Text }
