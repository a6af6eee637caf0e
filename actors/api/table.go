package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/server"
)

// Call is one request on its way through a handler.
type Call struct {
	*server.Request
	Cluster Cluster
	Context context.Context // ends with the connection

	pending *server.Pending
}

// Answer resolves the call; nil means that no answer is sent. Exactly once, from any goroutine.
func (c *Call) Answer(r kmsg.Response) { c.pending.Resolve(r) }

// handler is one API key at the versions it speaks. Each lives in a file of its own.
type handler struct {
	key      kmsg.Key
	min, max int16
	// handle runs on the connection's reader goroutine and must return soon (see server.Handler).
	handle func(*Call)
}
