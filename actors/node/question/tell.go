package question

import (
	"time"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// tellWithin is how long a peer may take to hear what it is told.
const tellWithin = time.Second

// Tell tells a peer something by a question that has no answer but that it was heard. One that
// cannot be told is not told again.
func Tell[T any](here *local.Node, peer metadata.NodeID, q Question[T, Nothing], what T) {
	ctx, cancel := here.Timeout(here.Context, tellWithin)
	defer cancel()
	if _, err := q.Ask(ctx, here.Links, peer, what); err != nil {
		here.Log.Debug("a node could not be told", "peer", peer, "what", q.Name, "error", err)
	}
}
