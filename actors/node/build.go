package node

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node/leadership"
	"github.com/troupe-mq/troupe/actors/node/local"
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
		losses:    newLosses(),
		reached:   reached{},
		producers: replica.NewProducers(mostProducers(c.Memory)),
		ready:     make(chan struct{}),
		left:      make(chan struct{}),
		observing: actors.NewTurn(),
		forcings:  forcings{due: make(chan struct{}, 1)},
		proposals: proposals{most: c.changeBytes()},
	}
	n.config.Fatal = n.here.Break
	n.leave = sync.OnceFunc(func() {
		n.here.Log.Info("this node was removed from the cluster: it can be stopped for good, and its data directory deleted")
		close(n.left)
	})
	for _, step := range []func() error{n.openStore, n.identify, n.openLinks, n.openLender, n.openGroups, n.openServer} {
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
	n.unwritten = func() int64 { return 0 }
	if j, ok := n.journal.(interface{ Unwritten() int64 }); ok {
		n.unwritten = j.Unwritten
	}
	n.space = upkeep.NewSpace(n.here, upkeep.SpaceOptions{Disk: n.config.Disk, Dir: n.config.Dir, Store: store, Unwritten: n.unwritten})
	n.leaders = leadership.New(n.here, &n.replicas, n.space)
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
	n.live(&id)
	n.lives.runs = make(map[metadata.NodeID]storage.Run)
	maps.Copy(n.lives.runs, id.Peers)
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

// write has appends made durable and waits for it. Of a node that breaks meanwhile it ends the
// goroutine: nothing may go on as if they were.
func (n *Node) write(appends []storage.Append) {
	if len(appends) == 0 {
		return
	}
	done := make(chan struct{})
	writes := make([]journal.Write, len(appends))
	for i, a := range appends {
		writes[i] = journal.Write{Append: a}
	}
	writes[len(writes)-1].Done = func() { close(done) }
	n.journal.Writes(writes)
	if n.here.Wait(actors.Forever, done, n.here.Broken) != 0 {
		runtime.Goexit()
	}
}

// stateOf returns what the store holds of a replica.
func (n *Node) stateOf(r storage.ReplicaID) (storage.State, error) {
	all, err := n.states()
	if err != nil {
		return storage.State{}, err
	}
	if s, ok := all[r]; ok {
		return s, nil
	}
	return storage.State{}, storage.ErrNotFound
}

func (n *Node) states() (map[storage.ReplicaID]storage.State, error) {
	list, err := n.store.Replicas()
	if err != nil {
		return nil, fmt.Errorf("list the replicas on disk: %w", err)
	}
	states := make(map[storage.ReplicaID]storage.State, len(list))
	for _, s := range list {
		states[s.Replica] = s
	}
	return states, nil
}

// options are what a replica of a shard on this node is opened with.
func (n *Node) options(state storage.State, h *hosted) replica.Options {
	limits := n.config.Limits
	if limits.CacheBytes == 0 {
		// of entries that the tail holds too, for the most part
		limits.CacheBytes = uint64(n.cacheBytes() / 2)
	}
	return replica.Options{
		Shard: state.Shard, Replica: state.Replica, Self: n.here.ID, Members: h.members, Version: h.version, Limits: limits, Tail: n.cacheBytes,
		State: state, Store: n.Store(), Node: ground{n}, Stages: &n.stages, Room: n.space.Roomy, Producers: n.producers, Meters: &n.meters, Tracer: n.config.Tracer,
		Now: func() int64 { return n.here.Now().UnixMilli() },
	}
}

// spawner starts a replica's actor and keeps its address in h.
func (n *Node) spawner(h *hosted) replica.Spawner {
	return func(a *replica.Actor) (replica.Mailbox, error) {
		address, err := n.host.Spawn(a.Name(), a)
		if err != nil {
			return nil, err
		}
		h.address = address
		return address.Send, nil
	}
}
