package coordination

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Core coordinates what one partition of a coordinator's topic says. Its requests are methods of
// its own, which take the time and a Reply. Uncommitted has the last four of these methods.
//
// Its owner loads it (Replay for every record, then Loaded) and from then on, after whatever it
// asked of it, takes what it wrote. Nothing is called after Abandon.
type Core interface {
	// Replay takes a committed record, in the log's order. An error tells of a record that cannot be
	// read; the core has taken of it what cannot mislead, and goes on.
	Replay(by Producer, r Record) error
	// Loaded follows the last Replay: what no record says begins now, as sessions do.
	Loaded(now int64)
	// Expire does what the time has come for.
	Expire(now int64)
	// Next returns when Expire wants to be called, 0 if never.
	Next() int64
	// Shift moves all deadlines by so many ms, as the clock was set by as many: what lasts a while
	// lasts as long as before.
	Shift(by int64)
	// ApplyRetention deletes what was kept for its time. It is called now and then, with a time that
	// no single node's clock decides (ADR 25).
	ApplyRetention(now int64)
	// Abandon answers everybody who waits with what Translate made of the cause, and gives back all
	// memory.
	Abandon(cause *kerr.Error)

	// ReadOnly has requests that need a write refused before they change anything, as the log takes
	// none now.
	ReadOnly(on bool)
	// TakeWrites returns what is to be appended since the last call, in order.
	TakeWrites() []*Write
	// Committed tells that the first n of the writes that were taken and not committed are committed
	// now.
	Committed(now int64, n int)
}

// Reply answers a request.
type Reply func(kmsg.Response)
