package replica

import "github.com/troupe-mq/troupe/actors/stages"

// clock measures the stages of what a replica proposes while it leads. The actor owns it. Without stages it does nothing.
type clock struct {
	stages    *stages.Clock
	turn      stages.Moment // when the turn under way began
	writes    []uint64      // last entry of each write that the journal has not reported, oldest first
	proposals []proposal    // that are not applied, oldest first
}

// proposal is what one turn proposed.
type proposal struct {
	last    uint64        // its last entry
	durable stages.Moment // when this replica heard that it is durable here, 0 if not yet
}

// begin tells that a turn begins.
func (c *clock) begin() {
	if c.stages != nil {
		c.turn = stages.Now()
	}
}

// taken tells that the turn took a request.
func (c *clock) taken(r *Records) {
	if c.stages != nil && r.sent != 0 {
		c.stages.Queue.Record(r.sent.To(c.turn))
	}
}

// proposed tells that the turn's entries up to last are with the links and the journal.
func (c *clock) proposed(last uint64, data [][]byte) {
	if c.stages == nil {
		return
	}
	n := 0
	for _, d := range data {
		n += len(d)
	}
	c.stages.ProposalBytes.Record(int64(n))
	c.stages.Stage.Record(c.turn.To(stages.Now()))
	c.proposals = append(c.proposals, proposal{last: last})
}

// given tells that the journal was given a write, after which the log ends at last.
func (c *clock) given(last uint64) {
	if c.stages != nil {
		c.writes = append(c.writes, last)
	}
}

// written tells that the oldest write is durable.
func (c *clock) written() {
	if len(c.writes) == 0 {
		return
	}
	last := c.writes[0]
	c.writes = c.writes[1:]
	for i := range c.proposals {
		if p := &c.proposals[i]; p.durable == 0 && p.last <= last {
			p.durable = c.turn
		}
	}
}

// applied tells that everything up to an entry is committed and answered.
func (c *clock) applied(index uint64) {
	for len(c.proposals) > 0 && c.proposals[0].last <= index {
		if p := c.proposals[0]; p.durable != 0 {
			c.stages.Replicate.Record(p.durable.To(c.turn))
			c.stages.Apply.Record(c.turn.To(stages.Now()))
		}
		c.proposals = c.proposals[1:]
	}
}

// deposed forgets proposals that another leader decides about.
func (c *clock) deposed() { c.proposals = nil }
