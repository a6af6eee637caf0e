package replica

import "github.com/troupe-mq/troupe/actors/stages"

// clock measures the stages of what a replica proposes while it leads. The actor owns it. Without
// stages it does nothing.
type clock struct {
	stages    *stages.Clock
	turn      stages.Moment // when the turn under way began
	writes    []given       // that the journal has not reported, oldest first
	meters    *Meters
	proposals []proposal // that are not applied, oldest first
}

// given is a write that the journal was given.
type given struct {
	last uint64 // the log's last entry then
	kind writeKind
	turn stages.Moment // when the turn began that gave it
}

// proposal is what one turn proposed.
type proposal struct {
	last    uint64        // its last entry
	turn    stages.Moment // when that turn began
	durable stages.Moment // when this replica heard that it is durable here, 0 if not yet
}

// begin tells that a turn begins.
func (c *clock) begin() { c.turn = stages.Now() }

// taken tells that the turn took a request.
func (c *clock) taken(r *Records) {
	if c.stages != nil && r.sent != 0 {
		c.stages.Queue.Record(r.sent.To(c.turn))
	}
}

// proposed tells that the turn's entries up to last are with the links and the journal.
func (c *clock) proposed(last uint64, data [][]byte) {
	c.proposals = append(c.proposals, proposal{last: last, turn: c.turn})
	if c.stages == nil {
		return
	}
	n := 0
	for _, d := range data {
		n += len(d)
	}
	c.stages.ProposalBytes.Record(int64(n))
	c.stages.Stage.Record(c.turn.To(stages.Now()))
}

// given tells that the journal was given a write, after which the log ends at last.
func (c *clock) given(last uint64, k writeKind) {
	c.writes = append(c.writes, given{last, k, c.turn})
}

// written tells that the oldest write is durable, and returns what it was and when the turn began
// that gave it.
func (c *clock) written() (writeKind, stages.Moment) {
	if len(c.writes) == 0 {
		return plainWrite, 0
	}
	w := c.writes[0]
	c.writes = c.writes[1:]
	for i := range c.proposals {
		if p := &c.proposals[i]; p.durable == 0 && p.last <= w.last {
			p.durable = c.turn
		}
	}
	return w.kind, w.turn
}

// applied tells that everything up to an entry is committed and answered.
func (c *clock) applied(index uint64) {
	for len(c.proposals) > 0 && c.proposals[0].last <= index {
		if p := c.proposals[0]; c.stages != nil && p.durable != 0 {
			c.stages.Replicate.Record(p.durable.To(c.turn))
			c.stages.Apply.Record(c.turn.To(stages.Now()))
		}
		if c.meters != nil {
			c.meters.CommitLatency.Record(c.proposals[0].turn.To(stages.Now()))
		}
		c.proposals = c.proposals[1:]
	}
}

// deposed forgets proposals that another leader decides about.
func (c *clock) deposed() { c.proposals = nil }
