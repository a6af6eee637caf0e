//go:build !race

// protoactor starts two remotes in one process with a race over the log of gRPC.

package broker_test

import (
	"testing"

	"github.com/troupe-mq/troupe/actors/broker"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// together starts three brokers that find each other by sockets, on ports that nobody knew before:
// one founds the cluster, the others join it.
func together(t *testing.T, world func(metadata.NodeID) *node.World) []*broker.Broker {
	t.Helper()
	var all []*broker.Broker
	for id := range metadata.NodeID(3) {
		c := config(id+1, t.TempDir())
		c.World = world(id + 1)
		if len(all) > 0 {
			c.Node.Join = []string{all[0].Addresses().Control.Advertised}
		}
		all = append(all, start(t, c))
		ready(t, all...)
	}
	return all
}

// A broker alone and a cluster of three are started in one process and stopped, on disks and in
// memory, twenty times, and nothing of them is left.
func TestNothingIsLeft(t *testing.T) {
	left := nothingLeft(t)
	for round := range 20 {
		world := inMemory
		if round%2 == 1 {
			world = onDisk
		}
		c := config(1, t.TempDir())
		c.World = world(1)
		alone := start(t, c)
		ready(t, alone)
		use(t, alone)
		stop(t, alone)
		all := together(t, world)
		use(t, all...)
		stop(t, all...)
		t.Logf("round %d", round)
	}
	left()
}
