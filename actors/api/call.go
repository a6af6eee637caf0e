package api

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Call is one request on its way through a handler.
type Call struct {
	*server.Request
	Cluster Cluster

	groups  Groups
	log     *slog.Logger
	pending *server.Pending
}

// Answer resolves the call; nil means that no answer is sent. Exactly once, from any goroutine.
func (c *Call) Answer(r kmsg.Response) { c.pending.Resolve(r) }

// Refuse closes the connection in place of an answer; cause is logged. It ends the call like
// Answer.
func (c *Call) Refuse(cause error) { c.pending.Refuse(cause) }

// complain tells the operator who sent records that are not what they say: a broken client, network
// or memory, of which the client's owner may see nothing.
func (c *Call) complain(topic string, partition int32, err error) {
	c.log.Warn("a client sent a record batch that is not one", "client", c.Client, "client_id", c.ClientID, "topic", topic, "partition", partition, "error", err)
}

// Go carries on with the call besides the connection's reader goroutine, where it may wait.
func (c *Call) Go(f func()) { c.Cluster.Runtime().Go(f) }

// timeout returns a context that ends after some ms, or with the connection.
func (c *Call) timeout(ms int32) (context.Context, context.CancelFunc) {
	ctx, cancel := c.Cluster.Runtime().Timeout(context.Background(), time.Duration(max(ms, 0))*time.Millisecond)
	c.Cluster.Ledger().Take(ledger.Waits, 1)
	c.Go(func() {
		c.Cluster.Runtime().Wait(actors.Forever, c.Connection.Closed, ctx.Done())
		cancel()
		c.Cluster.Ledger().Give(ledger.Waits, 1)
	})
	return ctx, cancel
}

// setting returns a broker setting that is a whole number.
func setting(c Cluster, name string) int64 {
	n, err := strconv.ParseInt(c.Setting(name), 10, 64)
	if err != nil {
		return math.MaxInt32
	}
	return n
}

// partitionOf finds a partition of a topic.
func partitionOf(t *metadata.Topic, n int32) (*metadata.Partition, *protocol.Error) {
	if n < 0 || int(n) >= len(t.Partitions) {
		return nil, protocol.Errorf(kerr.UnknownTopicOrPartition, "topic %q has no partition %d", t.Name, n)
	}
	return t.Partitions[n], nil
}

// endpoint returns where a client that came in by a listener reaches a node.
func endpoint(n *metadata.Node, listener string) (metadata.Listener, bool) {
	for _, l := range n.Listeners {
		if l.Name == listener {
			return l, true
		}
	}
	if len(n.Listeners) == 0 {
		return metadata.Listener{}, false
	}
	return n.Listeners[0], true
}
