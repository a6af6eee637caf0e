package group

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// prepare begins a rebalance, unless one is under way.
func (g *classic) prepare(now int64) {
	if g.state == preparing {
		return
	}
	first := g.state == empty
	if g.state == completing {
		g.abandonSync(now, kerr.RebalanceInProgress)
	}
	g.become(preparing, now)
	g.syncBy = 0
	g.initial, g.newcomers = false, false
	g.joinBy = now + g.rebalanceTimeout()
	if delay := g.in.config.InitialRebalanceDelayMS; first && delay > 0 && now >= g.in.loaded+delay {
		g.initial = true
		g.extendTo = g.joinBy
		g.joinBy = min(now+delay, g.extendTo)
	}
}

// abandonSync answers all who wait for an assignment and takes back what was assigned. Their
// sessions begin anew: while they waited nobody expected to hear of them.
func (g *classic) abandonSync(now int64, err *kerr.Error) {
	for _, m := range g.inOrder() {
		m.assignment = nil
		g.settle(m)
		if m.sync != nil {
			m.heard(now)
			m.sync.refuseSync(err)
			m.sync = nil
		}
	}
}

// tryComplete ends a rebalance when everybody has joined.
func (g *classic) tryComplete(now int64) {
	if g.state != preparing || g.initial || len(g.pending) > 0 {
		return
	}
	for _, m := range g.members {
		if m.join == nil {
			return
		}
	}
	g.complete(now)
}

// joinExpired ends a rebalance whose time is up, or gives a new group's first one more time if
// somebody came meanwhile.
func (g *classic) joinExpired(now int64) {
	if g.initial && g.newcomers && now < g.extendTo {
		g.newcomers = false
		g.joinBy = min(now+g.in.config.InitialRebalanceDelayMS, g.extendTo)
		return
	}
	g.initial = false
	g.complete(now)
}

// leastAwait is how soon, in ms, a group is looked at again whose members are all away: they choose
// how long they may take, and may choose 0.
const leastAwait = 1000

// complete makes the members that joined the next generation.
func (g *classic) complete(now int64) {
	for _, m := range g.inOrder() {
		if m.join == nil && m.instance == nil {
			g.remove(m)
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
		g.becomeEmpty(now)
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
		g.answerJoin(now, m, w)
	}
}

func (g *classic) anybodyJoined() bool {
	for _, m := range g.members {
		if m.join != nil {
			return true
		}
	}
	return false
}

func (g *classic) electLeader() {
	for _, m := range g.inOrder() {
		if m.join != nil {
			g.leader = m.id
			return
		}
	}
}

// becomeEmpty notes that the last member is gone.
func (g *classic) becomeEmpty(now int64) {
	g.become(empty, now)
	g.protocol, g.leader = "", ""
	g.joinBy, g.syncBy = 0, 0
	g.writeEmpty()
}

// writeEmpty writes that a group has no members. While the log takes no writes it has some who are
// not there: a coordinator that takes over waits for their sessions to end.
func (g *classic) writeEmpty() {
	g.behind = g.write([]coordination.Record{g.record(g.since, nil)}) != nil
}

// leave takes a member out and has the others rebalance. What it waits for is answered with err.
func (g *classic) leave(now int64, m *member, err *kerr.Error) {
	m.refuse(err)
	g.remove(m)
	switch g.state {
	case stable, completing:
		g.prepare(now)
		g.tryComplete(now)
	case preparing:
		g.tryComplete(now)
	}
}

// silent reports whether a member is expected to be heard of: it waits for no answer.
func (m *member) silent() bool { return m.join == nil && m.sync == nil && m.unanswered == 0 }

// syncExpired takes out the members that did not ask for their assignment in time, and has the
// others rebalance.
func (g *classic) syncExpired(now int64) {
	g.syncBy = 0
	for _, m := range g.inOrder() {
		if m.sync == nil {
			g.remove(m)
		}
	}
	g.prepare(now)
	g.tryComplete(now)
}
