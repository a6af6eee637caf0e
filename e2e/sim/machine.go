package sim

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// machine is a computer: a disk, and a process while one runs.
type machine struct {
	id      metadata.NodeID
	disk    *disk
	process *process // nil while it is down
	peers   map[metadata.NodeID]remote.Address
	skew    time.Duration // by how much its clock is wrong
	lives   int
	excused bool // its process may end by itself: something was done to its disk
	absent  bool // it is not there yet
	leaves  bool // an operator wanted it out of the cluster
	gone    bool // it is not to be started again

	joins    bool // it is told to ask the members to be let in
	intruder bool // it was given other peers than the others
}

func (m *machine) name() string { return fmt.Sprintf("n%d", m.id) }

func (m *machine) control() string { return m.name() + ":9093" }

// fatal is the end of a process that could not keep its promises.
type fatal struct{ cause error }

func (f fatal) String() string { return f.cause.Error() }

// start starts the machine's node.
func (w *World) start(m *machine) {
	if m.process != nil || m.gone || m.absent {
		return
	}
	p := newProcess(w, m)
	m.process = p
	m.lives++
	if w.chance(4) {
		m.skew = w.upTo(20*time.Second) - 10*time.Second
		w.strayed(m.skew)
	}
	w.event(p, "starts, life %d", m.lives)
	w.within(p, func() {
		n, err := node.StartIn(w.world(p), w.config(m))
		if err != nil {
			panic(fatal{err})
		}
		p.node = n
		(runtime{p}).Go(func() {
			if (runtime{p}).Wait(actors.Forever, n.Left()) == 0 {
				w.after(0, func() { w.departed(p) })
			}
		})
	})
	for _, other := range w.order {
		w.watchLink(other, m.id)
	}
}

// world is the world of a node: this one.
func (w *World) world(p *process) node.World {
	return node.World{
		Runtime: runtime{p},
		Store:   func(node.Config) (storage.Store, error) { return p.machine.disk.store, nil },
		Journal: func(_ storage.Store, o journal.Options) node.Journal {
			p.journal = &journaling{p: p, disk: p.machine.disk, fatal: o.Fatal}
			return p.journal
		},
		Host: func(actors.Options) node.Host { return hosting{p} },
		Links: func(remote.Options) (remote.Links, error) {
			p.links = &links{p: p, peers: make(map[metadata.NodeID]*link)}
			return p.links, nil
		},
		Server: func(o server.Options) (node.Server, error) {
			p.handler = o.Handler
			return serving{p}, nil
		},
	}
}

// serving is where clients come in.
type serving struct{ p *process }

// Start implements node.Server.
func (s serving) Start() {
	s.p.open = true
	if s.p.machine.intruder {
		s.p.world.violate(OneCluster, "%s was given another list of peers and serves clients", s.p.name())
	}
	s.p.world.event(s.p, "serves clients")
}

// Addresses implements node.Server.
func (s serving) Addresses() []net.Addr { return nil }

// Read implements node.Server: nothing is measured.
func (s serving) Read() (none server.Reading) { return none }

// Close implements node.Server.
func (s serving) Close() error { s.p.open = false; return nil }

func (w *World) config(m *machine) node.Config {
	peers, join := m.peers, []string(nil)
	if m.joins {
		peers, join = nil, w.doors(m)
	}
	return node.Config{
		ID:        m.id,
		Dir:       "sim",
		Rack:      rack(m.id),
		Listeners: []node.Listener{{Name: "PLAINTEXT", AdvertisedHost: m.name(), AdvertisedPort: 9092}},
		Control:   node.Endpoint{Advertised: m.control()},
		Bulk:      node.Endpoint{Advertised: m.name() + ":9095"},
		Peers:     peers,
		Join:      join,
		Settings:  w.settings(),
		Version:   "sim",
		Limits:    w.limits(),
		Logger:    slog.New(slog.DiscardHandler),
		Fatal:     func(err error) { panic(fatal{err}) },
	}
}

// settings are those of every node: what all worlds have, and what this kind has of its own.
func (w *World) settings() map[string]string {
	all := map[string]string{
		"offsets.topic.num.partitions": "1", "group.initial.rebalance.delay.ms": "100", "auto.create.topics.enable": "false",
		"group.min.session.timeout.ms": "1000",
	}
	maps.Copy(all, w.kind.settings)
	return all
}

// limits are small, so that checkpoints, full windows and caches that are too small are met often.
func (w *World) limits() raft.Limits {
	return raft.Limits{CacheBytes: 2 << 10, CheckpointCount: 24, KeepEntries: 16, MessageBytes: 4 << 10, InflightMessage: 16, InflightBytes: 64 << 10}
}

// loss is what becomes of the writes under way when a process ends. Each is a transaction: of one
// that did not reach the disk as a whole nothing is left, and of those behind it neither.
type loss int

const (
	keepsNone loss = iota // what was not synced is gone
	// some of it reached the disk: the process was killed, or the power went in the middle
	keepsSome
	// some, and half of the next: the disk had said that it synced what it had not
	keepsHalf
)

// crash ends the machine's process.
func (w *World) crash(m *machine, l loss, why string) {
	p := m.process
	if p == nil {
		return
	}
	w.event(p, "ends: %s", why)
	m.process = nil
	p.end()
	m.disk.tears = false
	switch l {
	case keepsHalf:
		w.tear(m)
	case keepsSome:
		m.disk.store.Sync(w.pick(m.disk.store.Pending() + 1))
	}
	m.disk.store.Crash()
	for _, other := range w.order {
		w.watchLink(other, m.id)
	}
	w.disconnect(m.id)
}

// died is called when a process ended by itself, or panicked.
func (w *World) died(p *process, cause any, stack []byte) {
	m := p.machine
	f, ended := cause.(fatal)
	expelled := ended && w.expelled(m)
	switch {
	case !ended:
		w.violate(NoSurprise, "%s panicked: %v", p.name(), cause)
		w.note(p, "%s", stack)
	case !expelled && !m.excused:
		w.violate(NoSurprise, "%s gave up: %v", p.name(), f.cause)
	}
	w.crash(m, keepsNone, fmt.Sprint(cause))
	if expelled {
		m.gone = true
		return
	}
	w.after(time.Second+w.upTo(4*time.Second), func() { w.start(m) })
}
