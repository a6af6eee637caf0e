package cluster

import (
	"context"
	"fmt"
	"time"
)

// balanceWithin is how long a node may need to give back what it holds after its last client: an
// election, on a busy machine.
const balanceWithin = 60 * time.Second

// balanced sees that no node that runs has anything in flight once the test's clients are gone:
// what it has then, it has for ever.
func (c *Cluster) balanced() {
	if c.t.Failed() || c.flavor.Name() != (Troupe{}).Name() {
		return
	}
	c.closeClients()
	for _, n := range c.Running() {
		if n.process.paused || n.process.expected {
			continue
		}
		if err := poll(balanceWithin, n.balanced); err != nil {
			c.t.Errorf("node %d has something in flight, and no client: %v", n.ID, err)
		}
	}
}

// balanced tells what the node's ledger has that is not zero. A node that cannot be asked may be
// cut off, or about to end: that is for others to judge.
func (n *Node) balanced(ctx context.Context) error {
	s, err := n.Status(ctx)
	if err != nil {
		return nil
	}
	for account, left := range s.InFlight {
		if left != 0 {
			return fmt.Errorf("%s=%d", account, left)
		}
	}
	return nil
}

// closeClients closes the clients that belong to the cluster.
func (c *Cluster) closeClients() {
	for _, n := range c.Nodes {
		if n.client != nil {
			n.client.Close()
			n.client = nil
		}
	}
	if c.admin != nil {
		c.admin.Close()
		c.admin = nil
	}
}
