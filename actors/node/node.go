package node

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors/coordinator"
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/node/hosting"
	"github.com/troupe-mq/troupe/actors/node/leadership"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/observe"
	"github.com/troupe-mq/troupe/actors/node/operate"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft/group"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Node is a running node: its store, journal and links, its replicas, and the Kafka server in
// front. All methods are safe for any goroutine.
type Node struct {
	here   *local.Node
	config Config
	stages stages.Clock
	meters replica.Meters
	ledger ledger.Ledger

	world        World
	serving      time.Time // since when clients are let in; set before the first of them is
	unregistered reminder  // of founders that have not registered
	store        storage.Store
	journal      Journal
	host         Host
	groups       *coordinator.Host[*group.Coordinator]
	server       Server

	leaders             *leadership.Leaderships
	questions           *question.Table
	verified, verifying local.NodeSet // peers seen to be of this cluster; peers being looked at
	unverified          waitingRoom   // what peers asked that are not verified yet
	peerRuns            peerRuns
	// the others have looked at this disk
	proved atomic.Bool
	// by which it founded in this run; not to be changed
	greeting atomic.Pointer[map[metadata.NodeID]hello]
	// held while the node's record is changed
	recording sync.Mutex
	// how far the store was with the newest record; by recording
	recorded  uint64
	hosting   *hosting.Hosting
	reached   reached // the reconciling goroutine's
	replicas  *hosting.Replicas
	observer  *observe.Observer
	space     *upkeep.Space
	operator  *operate.Operator
	upkeep    *upkeep.Upkeep
	producers *replica.Producers

	ready       chan struct{}
	outside     atomic.Pointer[string] // why the cluster did not let the node in when it last asked
	accompanied atomic.Bool            // a leader of the metadata was known in this run
	left        chan struct{}          // closed once the node was removed from the cluster
	leave       func()                 // closes it
}

// Start opens the data directory, listens, and begins to form or to rejoin the cluster. It returns
// once the node listens for its peers; Ready tells when it serves clients.
func Start(c Config) (*Node, error) { return StartIn(Process(), c) }

// StartIn is Start in another world than this process.
func StartIn(w World, c Config) (*Node, error) {
	n, err := build(w, c)
	if err != nil {
		return nil, err
	}
	if err := n.here.Links.Start(receiver{n}); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the other nodes: %w", err), n.close())
	}
	for _, id := range n.here.ConfiguredPeers() {
		n.here.Links.SetPeer(id, c.Peers[id])
	}
	n.here.Do(n.run)
	n.here.Do(n.hosting.Tick)
	n.here.Do(n.leaders.Gossip)
	n.here.Do(n.space.Watch)
	n.here.Do(n.space.KeepBallast)
	n.here.Do(n.dropDamagedStores)
	n.here.Do(n.tellRuns)
	return n, nil
}

// run brings the node into the cluster and then keeps its replicas in step with the metadata.
func (n *Node) run() {
	if err := n.join(); err != nil {
		n.here.Fail(err)
		return
	}
	for _, f := range []func(){n.register, n.leaders.Balance, n.hosting.ReplaceLost, n.hosting.TellMembers, n.standing, n.operator.Supervise, n.upkeep.Retain, n.upkeep.Clean, n.observer.WatchWaits, n.upkeep.Scrub} {
		n.here.Do(f)
	}
	n.hosting.Reconcile()
}

// Ready is closed once the node is a member of the cluster, knows the leader of __meta, and serves
// clients.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Stages tells where the time of produce requests has gone since the node started.
func (n *Node) Stages() stages.Reading { return n.stages.Read() }

// Stop ends the node: clients first, then replicas, journal and store. Hand leaderships over with
// Drain before.
func (n *Node) Stop() error {
	n.here.Stop()
	return n.close()
}

func (n *Node) close() error {
	n.here.Stop()
	var errs []error
	if n.server != nil {
		errs = append(errs, n.server.Close())
	}
	n.here.End()
	if n.groups != nil {
		n.groups.Close()
	}
	n.replicas.Stop(n.here)
	if n.here.Links != nil {
		n.here.Links.Stop()
	}
	if n.host != nil {
		n.host.Shutdown()
	}
	if n.journal != nil {
		n.journal.Close()
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}
