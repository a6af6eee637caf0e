package troupetest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors/broker"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage/memory"
)

// member is one broker of a cluster through all its lives.
type member struct {
	id      int
	world   *node.World // where its data is
	dir     string
	log     *tail
	address string         // for clients; "" before it first listened
	broker  *broker.Broker // nil while it is down
}

func newMember(t testing.TB, id int, disk bool) *member {
	t.Helper()
	m := &member{id: id, dir: t.TempDir(), log: &tail{}}
	if disk {
		w := node.Process()
		m.world = &w
	} else {
		m.world = broker.InMemory(memory.New())
	}
	return m
}

// memoryOfEach is what a broker believes to have: it divides that among requests and caches, and
// takes little of it in a test.
const memoryOfEach = 256 << 20

// config is what the broker is started with.
func (c *Cluster) config(m *member) broker.Config {
	listen := m.address
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	id := metadata.NodeID(m.id)
	return broker.Config{
		World: broker.Within(m.world, c.network, id),
		Node: node.Config{
			ID: id, Dir: m.dir, Peers: c.peers, Settings: c.options.settings, Version: "troupetest", Memory: memoryOfEach,
			Listeners: []node.Listener{{Name: "PLAINTEXT", Listen: listen}},
			Logger:    slog.New(slog.NewTextHandler(m.log, nil)),
		},
		Broken: func(err error) { c.t.Errorf("troupetest: node %d is broken: %v", m.id, err) },
	}
}

// start starts a broker. Its port may be in the hands of somebody else for a moment if it had it
// before.
func (c *Cluster) start(m *member) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		b, err := broker.Start(c.t.Context(), c.config(m))
		if err == nil {
			m.broker, m.address = b, b.Addresses().Kafka[0].Advertised
			return
		}
		if m.address == "" || time.Now().After(deadline) {
			c.t.Fatalf("troupetest: node %d does not start: %v", m.id, err)
		}
	}
}

// awaitReady waits until a broker serves clients.
func (c *Cluster) awaitReady(m *member) {
	c.t.Helper()
	select {
	case <-m.broker.Ready():
	case <-m.broker.Done():
		c.t.Fatalf("troupetest: node %d has ended: %v", m.id, m.broker.Err())
	case <-time.After(patience):
		c.t.Fatalf("troupetest: node %d does not serve clients: %v", m.id, m.broker.Unready())
	}
}
