package remote

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/remote"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Remotes are the links of one node over protoactor's remoting: two actor systems with a remote
// each, so that votes and heartbeats never wait behind entries.
type Remotes struct {
	options Options
	log     *slog.Logger
	systems [lanes]*actors.System
	remotes [lanes]*remote.Remote
	// those whose remote has started, which alone can be stopped
	listening [lanes]bool
	// where they listen and what peers are told; set by Start
	listen, advertised Address
	dials              [lanes]*dials
	receiver           Receiver
	started            time.Time
	life               uint64 // tells this process from those that were this node before

	mu     sync.RWMutex
	peers  map[metadata.NodeID]*peer
	meters map[metadata.NodeID]*peerMeter // of all that were ever peers: counts do not go back
	// link actors ever: one that stops keeps its name for a while
	spawned atomic.Uint64

	asks asks

	wake     chan struct{} // holds one token while a connection changed
	stop     sync.Once
	stopping chan struct{}
	done     sync.WaitGroup
}

var _ Links = (*Remotes)(nil)

// New makes the links of a node; Start makes them listen.
func New(o Options) (*Remotes, error) {
	if o.Window == 0 {
		o.Window = 64 << 20
	}
	if o.Origin.IsZero() {
		o.Origin = time.Now()
	}
	if o.Fatal == nil {
		o.Fatal = func(err error) { o.Logger.Error("the links to other nodes are broken", "error", err) }
	}
	r := &Remotes{
		options:  o,
		log:      o.Logger,
		started:  time.Now(),
		life:     rand.Uint64() | 1,
		peers:    make(map[metadata.NodeID]*peer),
		meters:   make(map[metadata.NodeID]*peerMeter),
		wake:     make(chan struct{}, 1),
		stopping: make(chan struct{}),
	}
	r.asks.init()
	for l := range lanes {
		listen, advertised := o.Listen.Control, o.Advertised.Control
		if l == bulk {
			listen, advertised = o.Listen.Bulk, o.Advertised.Bulk
		}
		r.dials[l] = newDials()
		c, err := config(listen, advertised, o.Logger, r.dials[l])
		if err != nil {
			return nil, err
		}
		r.systems[l] = actors.NewSystem(actors.Options{Logger: quiet(o.Logger), Fatal: func(name string, cause any, stack []byte) {
			o.Fatal(fmt.Errorf("link actor %s panicked: %v\n%s", name, cause, stack))
		}})
		r.remotes[l] = remote.NewRemote(r.systems[l].Protoactor(), c)
	}
	return r, nil
}

// quiet keeps protoactor's own lines out of the log unless they are asked for: connections that
// come and go are told by Linked.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(demoted{log.Handler()})
}

// Start implements Links.
func (r *Remotes) Start(receiver Receiver) (err error) {
	r.receiver = receiver
	defer func() { // protoactor panics when it cannot listen
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v (control.listen is %s, bulk.listen %s)", cause, r.options.Listen.Control, r.options.Listen.Bulk)
		}
	}()
	for l := range lanes {
		if _, err := r.systems[l].Spawn(linkName, &inbound{remotes: r, inboxes: make(map[metadata.NodeID]*inbox)}); err != nil {
			return err
		}
		r.remotes[l].Start()
		r.listening[l] = true
		// After Start: protoactor forgets a connection that ended before this hears of it and sends a
		// message for a new one.
		r.systems[l].Protoactor().EventStream.Subscribe(func(event any) { r.connection(l, event) })
	}
	r.bound()
	r.done.Go(r.watch)
	return nil
}

// connection takes word of a connection that was made or lost.
func (r *Remotes) connection(l lane, event any) {
	select {
	case <-r.stopping:
		return
	default:
	}
	switch e := event.(type) {
	case *remote.EndpointConnectedEvent:
		r.changed(l, e.Address, true)
	case *remote.EndpointTerminatedEvent:
		r.changed(l, e.Address, false)
	}
}

func (r *Remotes) changed(l lane, address string, connected bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.peers {
		if p.host(l) != address {
			continue
		}
		switch {
		case l == control:
			p.connected.Store(connected)
			p.probed.Store(0)
			if !connected {
				p.lost.Store(true)
			}
		case !connected:
			r.resetBulk(p)
		}
		r.poke()
	}
}

func (r *Remotes) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// watch pings the peers and notes who is up.
func (r *Remotes) watch() {
	due := time.NewTimer(pingEvery)
	defer due.Stop()
	for {
		for _, p := range r.all() {
			r.look(p, r.now())
			r.ping(p)
		}
		due.Reset(actors.UntilDue(time.Now(), r.options.Origin, pingEvery))
		select {
		case <-due.C:
		case <-r.wake:
		case <-r.stopping:
			return
		}
	}
}

// now is the process's monotonic time; never 0.
func (r *Remotes) now() int64 { return int64(time.Since(r.started)) + 1 }

func (r *Remotes) all() []*peer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]*peer, 0, len(r.peers))
	for _, p := range r.peers {
		all = append(all, p)
	}
	return all
}

func (r *Remotes) peer(n metadata.NodeID) *peer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.peers[n]
}

// SetPeer implements Links.
func (r *Remotes) SetPeer(n metadata.NodeID, a Address) {
	if have := r.peer(n); have != nil {
		if have.address == a {
			return
		}
		r.RemovePeer(n)
	}
	p := &peer{id: n, address: a, meter: r.meterOf(n), snapshots: make(map[snapshot]struct{})}
	p.windows[control].open(r.options.Window / 4)
	p.windows[bulk].open(r.options.Window)
	for l := range lanes {
		o := &outbound{remotes: r, peer: p, lane: l, pid: actor.NewPID(p.host(l), linkName)}
		address, err := r.systems[l].Spawn(fmt.Sprintf("to-%d@%s-%d", n, p.host(l), r.spawned.Add(1)), o)
		if err != nil {
			r.options.Fatal(fmt.Errorf("remote: a link to node %d: %w", n, err))
			return
		}
		p.out[l] = address
	}
	r.mu.Lock()
	r.peers[n] = p
	r.mu.Unlock()
	r.poke()
}

// meterOf returns the counts of a node, the same whenever it becomes a peer.
func (r *Remotes) meterOf(n metadata.NodeID) *peerMeter {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.meters[n]
	if m == nil {
		m = &peerMeter{}
		r.meters[n] = m
	}
	return m
}

// RemovePeer implements Links.
func (r *Remotes) RemovePeer(n metadata.NodeID) {
	r.mu.Lock()
	p := r.peers[n]
	delete(r.peers, n)
	r.mu.Unlock()
	if p == nil {
		return
	}
	for l, out := range p.out {
		out.Stop(func() { r.leave(lane(l), p.host(lane(l))) })
	}
}

// leave ends the connection to an address that nothing is sent to any more. Once more a little
// later: it may be about to be dialled.
func (r *Remotes) leave(l lane, address string) {
	end := func() {
		r.systems[l].Protoactor().EventStream.Publish(&remote.EndpointTerminatedEvent{Address: address})
		r.dials[l].hangUp(address)
	}
	end()
	time.AfterFunc(time.Second, func() {
		select {
		case <-r.stopping:
			return
		default:
		}
		if r.peerAt(l, address) == nil {
			end()
		}
	})
}

// peerAt returns the peer that is at an address, nil if none is.
func (r *Remotes) peerAt(l lane, address string) *peer {
	for _, p := range r.all() {
		if p.host(l) == address {
			return p
		}
	}
	return nil
}

// hangUp ends the connections to a peer. Protoactor makes new ones with the next message.
func (r *Remotes) hangUp(p *peer) {
	for l := range lanes {
		r.dials[l].hangUp(p.host(l))
	}
}

// Up implements Links.
func (r *Remotes) Up(n metadata.NodeID) bool {
	p := r.peer(n)
	return p != nil && p.up.Load()
}

// Stop implements Links.
func (r *Remotes) Stop() { r.stop.Do(r.end) }

func (r *Remotes) end() {
	close(r.stopping)
	r.done.Wait()
	r.asks.close()
	for l := range lanes {
		r.dials[l].close()
		if r.listening[l] {
			r.remotes[l].Shutdown(false)
		}
		r.systems[l].Shutdown()
	}
}
