package troupetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/actors/broker"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// patience is how long anything of the cluster may take before the test is failed; far longer than
// it takes on a machine that is busy.
const patience = 2 * time.Minute

// Cluster is a running cluster. Its methods are for the test's goroutine; they fail the test when
// they cannot do what they say.
type Cluster struct {
	t       testing.TB
	options options
	network *broker.Network
	peers   map[metadata.NodeID]remote.Address
	nodes   []*member // by id, from 1 on
}

// Start starts a cluster and waits until it serves clients and its topics have leaders. It ends
// with the test.
func Start(t testing.TB, all ...Option) *Cluster {
	t.Helper()
	c := &Cluster{t: t, options: optionsOf(all), network: broker.NewNetwork(), peers: make(map[metadata.NodeID]remote.Address)}
	if c.options.nodes < 1 {
		t.Fatalf("troupetest: a cluster of %d nodes", c.options.nodes)
	}
	for id := 1; id <= c.options.nodes; id++ {
		c.peers[metadata.NodeID(id)] = remote.Address{Control: fmt.Sprintf("node-%d:1", id), Bulk: fmt.Sprintf("node-%d:2", id)}
		c.nodes = append(c.nodes, newMember(t, id, c.options.disk))
	}
	t.Cleanup(c.end)
	for _, m := range c.nodes {
		c.start(m)
	}
	for _, m := range c.nodes {
		c.awaitReady(m)
	}
	for _, topic := range c.options.topics {
		c.CreateTopic(topic.name, topic.partitions)
	}
	return c
}

// end stops the brokers all at once: nobody is left to hand anything over to.
func (c *Cluster) end() {
	var all sync.WaitGroup
	for _, m := range c.nodes {
		all.Go(func() { c.stop(m, (*broker.Broker).Kill) })
	}
	all.Wait()
	if c.t.Failed() {
		for _, m := range c.nodes {
			c.t.Logf("node %d ended with:\n%s", m.id, m.log)
		}
	}
}

// node returns a broker by its id, from 1 on.
func (c *Cluster) node(id int) *member {
	c.t.Helper()
	if id < 1 || id > len(c.nodes) {
		c.t.Fatalf("troupetest: there is no node %d among %d", id, len(c.nodes))
	}
	return c.nodes[id-1]
}

// Address is the host:port of a broker for clients. It stays the same when the broker starts again.
func (c *Cluster) Address(id int) string {
	c.t.Helper()
	return c.node(id).address
}

// Addresses are those of all brokers, for clients to begin with, in the order of their ids.
func (c *Cluster) Addresses() []string {
	all := make([]string, len(c.nodes))
	for i, m := range c.nodes {
		all[i] = m.address
	}
	return all
}

// Stop stops a broker in good order: it hands its leaderships over first.
func (c *Cluster) Stop(id int) {
	c.t.Helper()
	c.stop(c.node(id), (*broker.Broker).Stop)
}

// Kill stops a broker that hands nothing over: the others have to notice, and elect.
func (c *Cluster) Kill(id int) {
	c.t.Helper()
	c.stop(c.node(id), (*broker.Broker).Kill)
}

// stop ends a broker, if it runs, in one of its ways.
func (c *Cluster) stop(m *member, how func(*broker.Broker, context.Context) error) {
	if m.broker == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := how(m.broker, ctx); err != nil {
		c.t.Errorf("troupetest: node %d: %v", m.id, err)
	}
	m.broker = nil
}

// Restart starts a broker again with the data it had, at the address it had, and waits until it
// serves clients. One that runs is stopped before.
func (c *Cluster) Restart(id int) {
	c.t.Helper()
	m := c.node(id)
	c.stop(m, (*broker.Broker).Stop)
	c.start(m)
	c.awaitReady(m)
}

// metadataAge is how soon a client may ask again who leads: by kgo's own five seconds a test would
// mostly wait.
const metadataAge = 50 * time.Millisecond

// Client makes a client of the cluster, which is closed with the test.
func (c *Cluster) Client(opts ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Addresses()...), kgo.MetadataMinAge(metadataAge)}, opts...)...)
	if err != nil {
		c.t.Fatalf("troupetest: %v", err)
	}
	c.t.Cleanup(client.Close)
	return client
}
