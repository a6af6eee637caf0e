package replica

import "github.com/troupe-mq/troupe/protocol"

// Barrier asks the leader of an epoch to tell when everything is committed that its log holds, with
// what was sent to it before. A refused append may follow others that are in the log and not
// committed yet: who reads the log to know what became of all of them has to wait for those.
type Barrier struct {
	Epoch int32
	// Done is called exactly once: nil after a view shows all of it. It must not block.
	Done func(*protocol.Error)
}

func (m *Barrier) stage(c *records) {
	if m.Epoch != c.epoch {
		m.refuse(notLeader(0))
		return
	}
	until := c.machine.StagedEnd()
	if until <= c.machine.HighWatermark() {
		m.Done(nil)
		return
	}
	c.wait(waiting{until: until, done: func(a Appended) { m.Done(a.Err) }})
}

func (m *Barrier) refuse(cause *protocol.Error) { m.Done(cause) }
