package node

import (
	"log/slog"

	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Listener is an endpoint for Kafka clients.
type Listener struct {
	Name           string // e.g. PLAINTEXT
	Listen         string // host:port to listen on; port 0 takes one that is free
	AdvertisedHost string // what clients are told to connect to; empty: where it listens
	AdvertisedPort int32  // 0: where it listens
}

// Endpoint is where a remote listens, and what the peers are told.
type Endpoint struct {
	Listen     string // host:port; port 0 takes one that is free
	Advertised string // host:port; empty, or with port 0: where it listens
}

// Disk is how much of its disk a node leaves free, and when it is slow.
type Disk = upkeep.Disk

// Scrub is how a node looks through what it has stored.
type Scrub = upkeep.Scrub

// Config is what a node is started with.
type Config struct {
	ID            metadata.NodeID
	Dir           string // data directory, created if missing
	Rack          string
	Listeners     []Listener // one at least
	Control, Bulk Endpoint
	// Peers are the founders of the cluster, this node among them; empty makes a cluster of one.
	Peers map[metadata.NodeID]remote.Address
	// Join are the control addresses (host:port) of nodes of a cluster that is there already, for this
	// node to become a member of: asked in this order; empty for founders.
	Join     []string
	Settings map[string]string // Kafka's broker settings by Kafka's names
	Version  string            // of the build
	Limits   raft.Limits       // zero fields take defaults
	// LendBytes is how many bytes of its logs the node gives in a second to replicas elsewhere that
	// pull them; 64 MiB by default.
	LendBytes int64
	Disk      Disk
	Scrub     Scrub
	Memory    int64 // bytes that the process may use; 0: not known
	Logger    *slog.Logger
	Level     *slog.LevelVar // of Logger, which clients may change; nil if it is fixed
	Tracer    *spans.Tracer  // nil while tracing is off
	// Fatal is called, from any goroutine and maybe more than once, when the node is broken: a promise
	// could not be kept. It may end the process. Where it returns the node acknowledges nothing any
	// more and ends what runs; Stop it.
	Fatal func(error)
}
