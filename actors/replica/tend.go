package replica

import (
	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/partition"
)

// Tend asks a leader to hold its log against its topic's policy.
type Tend struct {
	Policy partition.Policy
	Now    int64 // ms since the epoch
	Retain bool  // have what is too old or too much deleted: the trim goes into the log, if one is due
	// Expiration is how long a silent producer is remembered, in ms: the reading of the clock by which
	// it is forgotten goes into the log with Retain, if one is due.
	Expiration int64
	// Done is called exactly once. It must not block.
	Done func(Tended)
}

// Tended tells what a Tend found.
type Tended struct {
	Err      *protocol.Error // it was not held against anything: this replica does not lead
	Cleaning partition.Cleaning
	Due      bool  // Cleaning is to be done
	Trimmed  int64 // where the log is going to start, -1 if nothing was due
	Epoch    int32
}

// Keep asks the leader to append an entry that a cleaning made.
type Keep struct {
	Entry []byte // not to be written any more
	Epoch int32  // the leader epoch that the cleaning was begun in; in another one it is refused
	// Done is called exactly once, when the entry is applied or known not to be by this leader. It
	// must not block.
	Done func(*protocol.Error)
}

// asked is a message that waits for its turn to be put into the log.
type asked interface {
	actors.Asking
	stage(*records)
	refuse(*protocol.Error)
}

func (m *Records) stage(c *records) { c.stage(m) }

func (m *Records) refuse(cause *protocol.Error) {
	m.Done(Appended{Err: cause, BaseOffset: -1, LogAppendTime: -1, LogStart: -1})
}

func (m *Trim) stage(c *records) { c.stageTrim(m) }

func (m *Trim) refuse(cause *protocol.Error) { m.Done(-1, cause) }

func (m *Tend) refuse(cause *protocol.Error) { m.Done(Tended{Err: cause, Trimmed: -1}) }

func (m *Tend) stage(c *records) {
	t := Tended{Trimmed: -1, Epoch: c.epoch}
	if to := c.machine.Expired(m.Policy, m.Now); m.Retain && to > c.machine.Start() {
		if _, _, err := c.machine.StageTrim(to); err == nil {
			t.Trimmed = to
		}
	}
	if m.Retain && m.Expiration > 0 && c.machine.ClockDue(m.Now, m.Expiration) {
		c.machine.StageClock(m.Now, m.Expiration)
	}
	t.Cleaning, t.Due = c.machine.Cleanable(m.Policy, m.Now)
	m.Done(t)
}

// keeping is an entry of a cleaning on its way.
type keeping struct {
	at    int    // which one of those proposed together it is
	index uint64 // where it is in the log, 0 before it was proposed
	done  func(*protocol.Error)
}

func (m *Keep) refuse(cause *protocol.Error) { m.Done(cause) }

func (m *Keep) stage(c *records) {
	if m.Epoch != c.epoch {
		m.refuse(notLeader(0))
		return
	}
	at, err := c.machine.StageEntry(m.Entry)
	if err != nil {
		m.refuse(notLeader(0))
		return
	}
	c.keeps = append(c.keeps, keeping{at: at, done: m.Done})
}

// placed tells where the entries that were proposed last lie.
func (c *records) placed(first uint64) {
	for i := range c.keeps {
		if k := &c.keeps[i]; k.index == 0 {
			k.index = first + uint64(k.at)
		}
	}
}

// kept answers those whose entry is applied.
func (c *records) kept(applied uint64) {
	for len(c.keeps) > 0 && c.keeps[0].index > 0 && c.keeps[0].index <= applied {
		c.keeps[0].done(nil)
		c.keeps = c.keeps[1:]
	}
}
