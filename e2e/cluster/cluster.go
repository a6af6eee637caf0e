package cluster

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Cluster is a set of nodes of one test.
type Cluster struct {
	Nodes []*Node // by id, from 1

	t        testing.TB
	dir      string
	flavor   Flavor
	settings map[string]string
	peers    []*Node // the founders
	verify   bool
	first    string                 // binary of new nodes; empty is the one that Binary builds
	machine  func(id int32) Machine // nil: all nodes are on this one
	release  []func()               // of ports

	once  sync.Once
	admin *kadm.Client
}

// Option changes a cluster before its first start.
type Option func(*Cluster)

// Set gives all nodes one of Kafka's broker settings.
func Set(name, value string) Option { return func(c *Cluster) { c.settings[name] = value } }

// As makes the nodes something else than the environment asks for.
func As(f Flavor) Option { return func(c *Cluster) { c.flavor = f } }

// FirstBinary has every node run another build until UseBinary.
func FirstBinary(path string) Option {
	return func(c *Cluster) { c.first = path }
}

// NoVerify leaves out the comparison of replicas at the end, for tests that leave replicas lost or
// unreachable.
func NoVerify() Option { return func(c *Cluster) { c.verify = false } }

// Machine is what a node runs on, if not on this machine.
type Machine interface {
	IP() string
	// Data is where the node keeps its data; other is where it would be on this machine.
	Data(other string) string
	// Do runs f there: processes it starts and connections it opens are the machine's.
	Do(f func() error) error
}

// On puts each node on a machine of its own.
func On(machine func(id int32) Machine) Option { return func(c *Cluster) { c.machine = machine } }

// ReadyWithin is how long a cluster may take from its start until clients are let in.
const ReadyWithin = 60 * time.Second

// defaults make tests quick: joining is not delayed, and internal topics are small.
var defaults = map[string]string{
	"auto.create.topics.enable":        "false",
	"group.initial.rebalance.delay.ms": "0",
	"offsets.topic.num.partitions":     "3",
}

// New describes n nodes that know each other and starts none.
func New(t testing.TB, n int, options ...Option) *Cluster {
	t.Helper()
	c := &Cluster{t: t, dir: directory(t), flavor: flavor(), settings: maps.Clone(defaults), verify: true}
	for _, o := range options {
		o(c)
	}
	for range n {
		c.Add()
	}
	c.peers = append(c.peers, c.Nodes...)
	for _, node := range c.Nodes {
		node.peers = c.peers
	}
	t.Cleanup(c.cleanup)
	return c
}

// Start starts n nodes and waits until all of them are ready.
func Start(t testing.TB, n int, options ...Option) *Cluster {
	t.Helper()
	c := New(t, n, options...)
	for _, node := range c.Nodes {
		node.Start()
	}
	c.WaitReady()
	return c
}

// Add describes one more node, with the next id. It is told the founders, and is none of them
// itself.
func (c *Cluster) Add() *Node {
	c.t.Helper()
	id := int32(len(c.Nodes) + 1)
	n := &Node{ID: id, Dir: filepath.Join(c.dir, fmt.Sprintf("node%d", id)), Ports: ownPorts, t: c.t, c: c, peers: c.peers, binary: c.first}
	if c.machine != nil {
		n.machine = c.machine(id)
	} else {
		ports, release, err := reservePorts()
		if err != nil {
			c.t.Fatal(err)
		}
		c.release = append(c.release, release)
		n.Ports = ports
	}
	c.Nodes = append(c.Nodes, n)
	return n
}

// directory is kept if the test fails or E2E_KEEP is set; t.TempDir would not keep it.
func directory(t testing.TB) string {
	t.Helper()
	name := "troupe-" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()) + "-"
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() || os.Getenv("E2E_KEEP") != "" {
			t.Logf("data and logs are in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	return dir
}

// Flavor says what the nodes run.
func (c *Cluster) Flavor() string { return c.flavor.Name() }

// Node returns the node of that id.
func (c *Cluster) Node(id int32) *Node {
	c.t.Helper()
	if id < 1 || int(id) > len(c.Nodes) {
		c.t.Fatalf("there is no node %d, only 1 to %d", id, len(c.Nodes))
	}
	return c.Nodes[id-1]
}

// Running are the nodes whose process runs.
func (c *Cluster) Running() (nodes []*Node) {
	for _, n := range c.Nodes {
		if n.Running() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// WaitReady waits until every running node is ready for clients.
func (c *Cluster) WaitReady() {
	c.t.Helper()
	for _, n := range c.Running() {
		n.WaitReady()
	}
}

// WaitReady waits until the node is ready for clients.
func (n *Node) WaitReady() {
	n.t.Helper()
	err := poll(ReadyWithin, func(ctx context.Context) error {
		if !n.Running() {
			n.t.Fatalf("node %d ended before it was ready; its log:\n%s", n.ID, n.Tail(30))
		}
		return n.c.flavor.Ready(ctx, n.c, n)
	})
	if err != nil {
		n.t.Fatalf("node %d is not ready: %v", n.ID, err)
	}
}

// Ready asks once.
func (n *Node) Ready(ctx context.Context) error { return n.c.flavor.Ready(ctx, n.c, n) }

// Restart starts the node again and waits until it is ready.
func (n *Node) Restart() { n.t.Helper(); n.Start(); n.WaitReady() }

// Seeds are the addresses of all nodes.
func (c *Cluster) Seeds() []string {
	seeds := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		seeds[i] = n.Addr()
	}
	return seeds
}

// cleanup is the check at the end of every test.
func (c *Cluster) cleanup() {
	defer c.end() // also if Verify ends the test
	if c.verify && !c.t.Failed() {
		c.Verify()
	}
}

func (c *Cluster) end() {
	c.balanced()
	for _, n := range c.Running() {
		n.finish()
	}
	for _, n := range c.Nodes {
		if n.process != nil {
			n.examine()
		}
	}
	c.closeClients()
	if c.t.Failed() {
		c.dump()
	}
	for _, release := range c.release {
		release()
	}
}

// finish ends a node when the test does not need it any more. Not by SIGTERM: the last node of
// three cannot hand over.
func (n *Node) finish() {
	n.process.expected = true
	_ = n.process.cmd.Process.Kill()
	n.process.wait(10 * time.Second)
}

// examine complains of a run that ended by itself and of panics in any run.
func (n *Node) examine() {
	if !n.process.expected {
		n.t.Errorf("node %d ended by itself: %v", n.ID, n.process.err)
	}
	for _, line := range n.complaints() {
		n.t.Errorf("node %d: %s", n.ID, line)
	}
}

func (c *Cluster) dump() {
	for _, n := range c.Nodes {
		if n.process != nil {
			c.t.Logf("--- the last lines of node %d:\n%s", n.ID, n.Tail(40))
		}
	}
}

// Client is a franz-go client that knows all nodes, closed when the test ends. Options given here
// win.
func (c *Cluster) Client(options ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	return c.newClient(c.Seeds(), options)
}

// Client is a client that is given only this node's address; it finds the others.
func (n *Node) Client(options ...kgo.Opt) *kgo.Client {
	n.t.Helper()
	return n.c.newClient([]string{n.Addr()}, options)
}

func (c *Cluster) newClient(seeds []string, options []kgo.Opt) *kgo.Client {
	c.t.Helper()
	cl, err := kgo.NewClient(append(ClientOptions(seeds...), options...)...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(cl.Close)
	return cl
}

// ClientOptions make a client look for a new leader as soon as a test wants it to, and take a node
// that ends while it greets it for one that ended: franz-go by itself asks whether TLS was
// forgotten, and fails what was to be sent.
func ClientOptions(seeds ...string) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(seeds...),
		kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.MetadataMaxAge(5 * time.Second),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.DialTimeout(2 * time.Second),
		kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.AlwaysRetryEOF(),
	}
}

// Admin is an administrator's client that knows all nodes. It lives until the check at the test's
// end is done.
func (c *Cluster) Admin() *kadm.Client {
	c.t.Helper()
	c.once.Do(func() {
		cl, err := kgo.NewClient(ClientOptions(c.Seeds()...)...)
		if err != nil {
			c.t.Fatal(err)
		}
		c.admin = kadm.NewClient(cl)
	})
	return c.admin
}
