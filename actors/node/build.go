package node

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node/hosting"
	"github.com/troupe-mq/troupe/actors/node/leadership"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/observe"
	"github.com/troupe-mq/troupe/actors/node/operate"
	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// build makes a node that does not talk to anyone yet.
func build(w World, c Config) (*Node, error) {
	if c.Logger == nil || c.Fatal == nil || len(c.Listeners) == 0 {
		return nil, errors.New("node: a logger, somebody to tell that it is broken, and a listener are needed")
	}
	c.Settings = kafkaSettings(c)
	n := &Node{
		here:      local.New(local.Options{ID: c.ID, Runtime: w.Runtime, Log: c.Logger, Peers: c.Peers, Fatal: c.Fatal}),
		config:    c,
		world:     w,
		replicas:  &hosting.Replicas{},
		reached:   reached{},
		producers: replica.NewProducers(mostProducers(c.Memory)),
		ready:     make(chan struct{}),
		left:      make(chan struct{}),
	}
	n.config.Fatal = n.here.Break
	n.leave = sync.OnceFunc(func() {
		n.here.Log.Info("this node was removed from the cluster: it can be stopped for good, and its data directory deleted")
		close(n.left)
	})
	for _, step := range []func() error{n.openStore, n.identify, n.openLinks, n.openGroups, n.openHosting, n.openServer} {
		if err := step(); err != nil {
			return nil, errors.Join(err, n.close())
		}
	}
	n.answerQuestions()
	return n, nil
}

func (n *Node) openStore() error {
	store, err := n.world.Store(n.config)
	if u := (*storage.Unreadable)(nil); errors.As(err, &u) {
		store, err = n.setAside(u)
	}
	if err != nil {
		return err
	}
	n.store = store
	for r, cause := range store.Suspect() {
		n.here.Log.Error("a replica on this disk cannot be proved whole and stays out of service", "replica", r, "error", cause)
	}
	n.journal = n.world.Journal(store, journal.Options{Fatal: n.config.Fatal, Stages: &n.stages, Slow: n.config.Disk.SlowSync, Stalled: func(s journal.Stall) { upkeep.LogStall(n.here.Log, s) }})
	n.space = upkeep.NewSpace(n.here, upkeep.SpaceOptions{Disk: n.config.Disk, Dir: n.config.Dir, Store: store, Unwritten: n.journal.Unwritten})
	n.leaders = leadership.New(n.here, n.replicas, n.space)
	n.host = n.world.Host(actors.Options{Logger: n.here.Log, Fatal: n.panicked})
	return nil
}

// panicked breaks the node: an actor's state is gone with its panic, and nothing it promised could
// be kept.
func (n *Node) panicked(actor string, cause any, stack []byte) {
	n.here.Log.Error("an actor panicked", "actor", actor, "panic", cause, "stack", string(stack))
	n.config.Fatal(fmt.Errorf("actor %s panicked: %v", actor, cause))
}

// identify reads who this disk belongs to, or makes it this node's.
func (n *Node) identify() error {
	id, err := n.store.Node()
	switch {
	case errors.Is(err, storage.ErrNotFound):
		id = storage.Node{NodeID: n.here.ID, Incarnation: newIncarnation()}
	case err != nil:
		return fmt.Errorf("read whose data directory this is: %w", err)
	case id.NodeID != n.here.ID:
		return fmt.Errorf("the data directory %s belongs to node %d, but this node is %d: check node.id and the directory",
			n.config.Dir, id.NodeID, n.here.ID)
	}
	n.beginRun(&id)
	n.peerRuns.runs = make(map[metadata.NodeID]storage.Run)
	maps.Copy(n.peerRuns.runs, id.Peers)
	if err := n.store.WriteNode(id); err != nil {
		return fmt.Errorf("mark the data directory as node %d's: %w", n.here.ID, err)
	}
	n.here.SetIdentity(&id)
	return nil
}

func newIncarnation() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

func (n *Node) openLinks() error {
	links, err := n.world.Links(remote.Options{
		Self:        n.here.ID,
		Incarnation: n.here.Identity().Incarnation,
		Listen:      remote.Address{Control: n.config.Control.Listen, Bulk: n.config.Bulk.Listen},
		Advertised:  remote.Address{Control: n.config.Control.Advertised, Bulk: n.config.Bulk.Advertised},
		Window:      n.windowBytes(),
		Logger:      n.here.Log,
		Fatal:       n.config.Fatal,
		Origin:      n.here.Began,
	})
	if err != nil {
		return fmt.Errorf("prepare the links to other nodes: %w", err)
	}
	n.here.Links = links
	return nil
}

// openHosting makes the rooms for operators and for replicas.
func (n *Node) openHosting() (err error) {
	n.operator = operate.New(n.here, operate.Options{
		Host: n.host, Leaders: n.leaders, Replicas: n.replicas, Space: n.space, Standing: n.Standing, Setting: n.Setting, ProposalBytes: n.config.changeBytes(),
	})
	n.hosting, err = hosting.New(n.here, n.replicas, hosting.Options{
		Disk: n.store, Journal: n.journal, Host: n.host, Leaders: n.leaders, Groups: n.groups, Space: n.space, Membership: n, Submit: n.operator,
		Replica: replica.Options{Limits: n.config.Limits, Stages: &n.stages, Producers: n.producers, Meters: &n.meters, Tracer: n.config.Tracer},
		Local:   n.local(), CacheBytes: n.cacheBytes, Crowded: n.crowded, LogBytes: n.config.LendBytes,
	})
	if err != nil {
		return err
	}
	n.operator.Hosting = n.hosting
	n.upkeep = upkeep.New(n.here, upkeep.Options{
		Replicas: n.replicas, Space: n.space, Disk: n.store, Store: n.hosting.Store(), Dir: n.config.Dir, Settings: n.Setting,
		ScrubBy: n.config.Scrub, Clocks: n.clocks, Needs: n.needs,
	})
	n.observer = observe.New(n.here, observe.Options{
		Version: n.config.Version, Leaders: n.leaders, Hosting: n.hosting, Replicas: n.replicas, Space: n.space, Upkeep: n.upkeep,
		Journal: n.journal, Groups: n.groups, Disk: n.store, Ledger: &n.ledger, Meters: &n.meters, Stages: &n.stages,
		Ready: n.ready, Outside: n.refusal, TopicSetting: n.TopicSetting,
	})
	return nil
}
