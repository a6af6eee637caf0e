package journal

import "github.com/troupe-mq/troupe/storage"

// Write is what one replica wants durable, and what to do then.
type Write struct {
	Append storage.Append
	// Done is called once the append is durable, on the journal's goroutine and in the order the writes were given
	// (per replica and overall). It must not block: it sends a message to the replica actor.
	Done func()
}
