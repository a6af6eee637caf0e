//go:build with_tla

package raft

import (
	"go.etcd.io/raft/v3"

	"github.com/troupe-mq/troupe/storage"
)

// Trace is given every event of the replicas of this process, for etcd/raft's TLA+ specification.
// It is set before the first replica is opened.
var Trace func(storage.ShardID, *raft.TracingEvent)

// tracer is etcd/raft's logger of one shard's events.
type tracer struct{ shard storage.ShardID }

// TraceEvent implements raft.TraceLogger.
func (t tracer) TraceEvent(e *raft.TracingEvent) { Trace(t.shard, e) }

func (r *Replica) traced(c *raft.Config) {
	if Trace != nil {
		c.TraceLogger = tracer{r.state.Shard}
	}
}
