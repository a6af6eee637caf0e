package remote

import (
	"context"
	"fmt"
	"sync"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Network joins nodes inside one process, for tests of what stands on Links: messages arrive in
// order and are encoded on their way, unless a test cuts the way. There are no windows and no
// clocks. All methods are safe for any goroutine.
type Network struct {
	mu    sync.Mutex
	nodes map[metadata.NodeID]*local
	at    map[string]metadata.NodeID // by the control addresses that anybody knows
	cuts  map[way]bool
}

// way is one direction between two nodes.
type way struct{ from, to metadata.NodeID }

// NewNetwork makes a network without nodes.
func NewNetwork() *Network {
	return &Network{nodes: make(map[metadata.NodeID]*local), at: make(map[string]metadata.NodeID), cuts: make(map[way]bool)}
}

// Links makes the links of a node. A node that starts anew takes the place of the one before, which
// must have stopped.
func (n *Network) Links(self metadata.NodeID) Links {
	l := &local{
		network: n, self: self,
		peers: make(map[metadata.NodeID]bool),
		wake:  make(chan struct{}, 1), stopping: make(chan struct{}),
	}
	l.asks.init()
	return l
}

// Cut loses whatever a node sends to another, from now on. The links of both go down at once.
func (n *Network) Cut(from, to metadata.NodeID) { n.cut(from, to, true) }

// Heal ends a Cut.
func (n *Network) Heal(from, to metadata.NodeID) { n.cut(from, to, false) }

// Isolate cuts a node off from all others, both ways.
func (n *Network) Isolate(node metadata.NodeID) { n.isolate(node, true) }

// Rejoin ends Isolate, and every Cut from or to the node.
func (n *Network) Rejoin(node metadata.NodeID) { n.isolate(node, false) }

func (n *Network) cut(from, to metadata.NodeID, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[way{from, to}] = on
	n.refresh()
}

func (n *Network) isolate(node metadata.NodeID, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for other := range n.nodes {
		n.cuts[way{node, other}], n.cuts[way{other, node}] = on, on
	}
	n.refresh()
}

// refresh tells the nodes which of their links changed. The caller holds mu.
func (n *Network) refresh() {
	for _, l := range n.nodes {
		for peer, was := range l.peers {
			up := n.nodes[peer] != nil && !n.cuts[way{l.self, peer}] && !n.cuts[way{peer, l.self}]
			if up == was {
				continue
			}
			l.peers[peer] = up
			if !up {
				l.asks.fail(peer)
			}
			l.post(func() { l.receiver.Linked(peer, up) })
		}
	}
}

// carry has a node do something with what another sent; false if the way is cut.
func (n *Network) carry(from, to metadata.NodeID, deliver func(*local)) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.nodes[to]
	if l == nil || n.cuts[way{from, to}] {
		return false
	}
	l.post(func() { deliver(l) })
	return true
}

// local is one node's Links.
type local struct {
	network *Network
	self    metadata.NodeID
	asks    asks

	receiver Receiver
	peers    map[metadata.NodeID]bool // to whether the link is up; guarded by the network's mu
	queue    []func()                 // what the node has still to do; guarded by the network's mu

	wake     chan struct{} // holds one token while there may be something in queue
	stopping chan struct{}
	done     sync.WaitGroup
}

var _ Links = (*local)(nil)

// post queues something for the node's goroutine. The caller holds the network's mu.
func (l *local) post(f func()) {
	l.queue = append(l.queue, f)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Start implements Links.
func (l *local) Start(r Receiver) error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if l.network.nodes[l.self] != nil {
		return fmt.Errorf("remote: node %d is in the network already: stop it first", l.self)
	}
	l.receiver = r
	l.network.nodes[l.self] = l
	l.done.Go(l.run)
	l.network.refresh()
	return nil
}

func (l *local) run() {
	for {
		select {
		case <-l.wake:
		case <-l.stopping:
			return
		}
		l.network.mu.Lock()
		queue := l.queue
		l.queue = nil
		l.network.mu.Unlock()
		for _, f := range queue {
			f()
		}
	}
}

// Addresses implements Links.
func (l *local) Addresses() (listen, advertised Address) { return listen, advertised }

// SetPeer implements Links. The network finds nodes by their id.
func (l *local) SetPeer(n metadata.NodeID, a Address) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	l.network.at[a.Control] = n
	if _, known := l.peers[n]; !known {
		l.peers[n] = false
		l.network.refresh()
	}
}

// RemovePeer implements Links.
func (l *local) RemovePeer(n metadata.NodeID) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if l.peers[n] {
		l.asks.fail(n)
		l.post(func() { l.receiver.Linked(n, false) })
	}
	delete(l.peers, n)
}

// Send implements Links.
func (l *local) Send(to metadata.NodeID, m Raft) {
	b, err := appendRaft(nil, m)
	if err != nil {
		panic(err)
	}
	sent := l.Up(to) && l.network.carry(l.self, to, func(other *local) {
		messages, err := parseRaft(nil, b)
		if err != nil {
			panic(err)
		}
		other.receiver.Raft(l.self, messages)
	})
	if !sent {
		l.receiver.Unreachable(m.Shard, storage.ReplicaID(m.Message.GetTo()))
	}
}

// Read implements Links: nothing is measured.
func (l *local) Read() []PeerReading { return nil }

// SendAll implements Links.
func (l *local) SendAll(to metadata.NodeID, beats []Raft) {
	for _, m := range beats {
		l.Send(to, m)
	}
}

// Flush implements Links.
func (l *local) Flush() {}

// Ask implements Links.
func (l *local) Ask(ctx context.Context, to metadata.NodeID, kind string, body []byte) ([]byte, error) {
	id, ch, err := l.asks.begin(to)
	if err != nil {
		return nil, err
	}
	defer l.asks.end(id)
	if !l.Up(to) { // after begin: either this sees the link down, or fail sees the question
		return nil, errUnreachable(to)
	}
	l.ask(to, id, kind, body)
	return await(ctx, to, kind, ch)
}

func (l *local) ask(to metadata.NodeID, id uint64, kind string, body []byte) {
	question := append([]byte(nil), body...)
	l.network.carry(l.self, to, func(other *local) {
		other.receiver.Ask(l.self, kind, question, func(body []byte, err error) {
			b := appendAnswer(nil, id, body, err)
			l.network.carry(to, l.self, func(asker *local) { _ = asker.asks.answer(to, b) })
		})
	})
}

// AskAt implements Links.
func (l *local) AskAt(ctx context.Context, address, kind string, body []byte) ([]byte, error) {
	l.network.mu.Lock()
	to, known := l.network.at[address]
	l.network.mu.Unlock()
	id, ch, err := l.asks.begin(anyone)
	if err != nil {
		return nil, err
	}
	defer l.asks.end(id)
	if known {
		l.ask(to, id, kind, body)
	}
	return await(ctx, anyone, kind, ch)
}

// Tell implements Links.
func (l *local) Tell(to metadata.NodeID, kind string, body []byte) { l.Carry(to, kind, body) }

// Carry implements Links.
func (l *local) Carry(to metadata.NodeID, kind string, body []byte) bool {
	b := append([]byte(nil), body...)
	return l.Up(to) && l.network.carry(l.self, to, func(other *local) { other.receiver.Told(l.self, kind, b) })
}

// Up implements Links.
func (l *local) Up(n metadata.NodeID) bool {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	return l.peers[n]
}

// Stop implements Links.
func (l *local) Stop() {
	l.network.mu.Lock()
	running := l.network.nodes[l.self] == l
	if running {
		delete(l.network.nodes, l.self)
		l.network.refresh()
	}
	l.network.mu.Unlock()
	l.asks.close()
	if running {
		close(l.stopping)
		l.done.Wait()
	}
}
