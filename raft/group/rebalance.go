package group

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// prepare begins a rebalance, unless one is under way.
func (c *Coordinator) prepare(g *group, now int64) {
	if g.state == preparing {
		return
	}
	first := g.state == empty
	if g.state == completing {
		c.abandonSync(g, now, kerr.RebalanceInProgress)
	}
	g.become(preparing, now)
	g.syncBy = 0
	g.initial, g.newcomers = false, false
	g.joinBy = now + g.rebalanceTimeout()
	if delay := c.config.InitialRebalanceDelayMS; first && delay > 0 && now >= c.loaded+delay {
		g.initial = true
		g.extendTo = g.joinBy
		g.joinBy = min(now+delay, g.extendTo)
	}
}

// abandonSync answers all who wait for an assignment and takes back what was assigned. Their
// sessions begin anew: while they waited nobody expected to hear of them.
func (c *Coordinator) abandonSync(g *group, now int64, err *kerr.Error) {
	for _, m := range g.inOrder() {
		m.assignment = nil
		c.settle(m)
		if m.sync != nil {
			m.heard(now)
			m.sync.refuseSync(err)
			m.sync = nil
		}
	}
}

// tryComplete ends a rebalance when everybody has joined.
func (c *Coordinator) tryComplete(g *group, now int64) {
	if g.state != preparing || g.initial || len(g.pending) > 0 {
		return
	}
	for _, m := range g.members {
		if m.join == nil {
			return
		}
	}
	c.complete(g, now)
}

// joinExpired ends a rebalance whose time is up, or gives a new group's first one more time if
// somebody came meanwhile.
func (c *Coordinator) joinExpired(g *group, now int64) {
	if g.initial && g.newcomers && now < g.extendTo {
		g.newcomers = false
		g.joinBy = min(now+c.config.InitialRebalanceDelayMS, g.extendTo)
		return
	}
	g.initial = false
	c.complete(g, now)
}

// leastAwait is how soon, in ms, a group is looked at again whose members are all away: they choose
// how long they may take, and may choose 0.
const leastAwait = 1000

// complete makes the members that joined the next generation.
func (c *Coordinator) complete(g *group, now int64) {
	for _, m := range g.inOrder() {
		if m.join == nil && m.instance == nil {
			c.remove(g, m)
		}
	}
	if len(g.members) > 0 && !g.anybodyJoined() {
		// only static members, all away: their sessions decide
		g.joinBy = now + max(g.rebalanceTimeout(), leastAwait)
		return
	}
	g.joinBy, g.initial = 0, false
	g.generation++
	g.inherited = false
	if len(g.members) == 0 {
		c.becomeEmpty(g, now)
		return
	}
	if m := g.members[g.leader]; m == nil || m.join == nil {
		g.electLeader()
	}
	g.protocol = g.choose()
	g.become(completing, now)
	g.syncBy = now + g.rebalanceTimeout()
	for _, m := range g.inOrder() {
		if m.join == nil {
			continue
		}
		w := m.join
		m.join = nil
		c.answerJoin(g, now, m, w)
	}
}

func (g *group) anybodyJoined() bool {
	for _, m := range g.members {
		if m.join != nil {
			return true
		}
	}
	return false
}

func (g *group) electLeader() {
	for _, m := range g.inOrder() {
		if m.join != nil {
			g.leader = m.id
			return
		}
	}
}

// becomeEmpty notes that the last member is gone.
func (c *Coordinator) becomeEmpty(g *group, now int64) {
	g.become(empty, now)
	g.protocol, g.leader = "", ""
	g.joinBy, g.syncBy = 0, 0
	c.writeEmpty(g)
}

// writeEmpty writes that a group has no members. While the log takes no writes it has some who are
// not there: a coordinator that takes over waits for their sessions to end.
func (c *Coordinator) writeEmpty(g *group) {
	g.behind = c.writer.Write(g.id, []coordination.Record{g.record(g.since, nil)}) != nil
}

// leave takes a member out and has the others rebalance. What it waits for is answered with err.
func (c *Coordinator) leave(g *group, now int64, m *member, err *kerr.Error) {
	m.refuse(err)
	c.remove(g, m)
	switch g.state {
	case stable, completing:
		c.prepare(g, now)
		c.tryComplete(g, now)
	case preparing:
		c.tryComplete(g, now)
	}
}

// Next returns when Expire wants to be called, 0 if never.
func (c *Coordinator) Next() int64 {
	next := int64(0)
	for _, g := range c.groups {
		next = sooner(next, g.next())
	}
	return next
}

// next is the deadline of a group, looked for again if something happened to it: there may be many
// members, and ids that were handed out, in groups that nobody asks for in this turn.
func (g *group) next() int64 {
	if g.stale {
		g.due, g.stale = g.deadline(), false
	}
	return g.due
}

// silent reports whether a member is expected to be heard of: it waits for no answer.
func (m *member) silent() bool { return m.join == nil && m.sync == nil && m.unanswered == 0 }

// deadline is when something of the group is due, 0 if never.
func (g *group) deadline() int64 {
	next := sooner(g.joinBy, g.syncBy)
	for _, until := range g.pending {
		next = sooner(next, until)
	}
	for _, m := range g.members {
		if m.silent() {
			next = sooner(next, m.heardBy)
		}
	}
	return next
}

// sooner returns the earlier of two times, where 0 is never.
func sooner(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// groupsWhere returns the ids of the groups that a condition holds for, in order: what is done to
// several is done in one order, or the simulator could not repeat it.
func (c *Coordinator) groupsWhere(ok func(*group) bool) []string {
	var ids []string
	for id, g := range c.groups {
		if ok(g) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Expire does what the time has come for: sessions, rebalances, ids that were not joined with.
func (c *Coordinator) Expire(now int64) {
	due := func(g *group) bool { at := g.next(); return at != 0 && at <= now || g.behind && c.Writable() }
	for _, id := range c.groupsWhere(due) {
		g := c.groups[id]
		g.stale = true
		if g.behind && g.state == empty {
			c.writeEmpty(g)
		}
		for id, until := range g.pending {
			if until <= now {
				c.expected(g, id)
			}
		}
		c.tryComplete(g, now)
		for _, m := range g.inOrder() {
			if m.silent() && m.heardBy <= now && g.members[m.id] == m {
				c.leave(g, now, m, kerr.UnknownMemberID)
			}
		}
		if g.state == preparing && g.joinBy != 0 && g.joinBy <= now {
			c.joinExpired(g, now)
		}
		if g.state == completing && g.syncBy != 0 && g.syncBy <= now {
			c.syncExpired(g, now)
		}
		c.tidy(g)
	}
}

// Shift moves all that is due by so many ms, as the clock was set by as many: what lasts a while
// lasts as long as before.
func (c *Coordinator) Shift(by int64) {
	c.loaded += by
	for _, g := range c.groups {
		g.stale = true
		for id := range g.pending {
			g.pending[id] += by
		}
		for _, m := range g.members {
			m.heardBy += by
		}
		for _, due := range []*int64{&g.joinBy, &g.extendTo, &g.syncBy} {
			if *due != 0 {
				*due += by
			}
		}
	}
}

// syncExpired takes out the members that did not ask for their assignment in time, and has the
// others rebalance.
func (c *Coordinator) syncExpired(g *group, now int64) {
	g.syncBy = 0
	for _, m := range g.inOrder() {
		if m.sync == nil {
			c.remove(g, m)
		}
	}
	c.prepare(g, now)
	c.tryComplete(g, now)
}
