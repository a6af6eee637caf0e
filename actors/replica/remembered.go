package replica

import (
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/partition"
)

// Remembered asks a leader which idempotent producers it remembers.
type Remembered struct {
	// Done is called exactly once. It must not block.
	Done func([]partition.ProducerState, *protocol.Error)
}

func (m *Remembered) stage(c *records) { m.Done(c.machine.Remembered(), nil) }

func (m *Remembered) refuse(cause *protocol.Error) { m.Done(nil, cause) }
