package group

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// group is what groups of every kind have: an id, and the offsets that were committed for it. What
// records say of it is changed by their Changes alone.
type group struct {
	in       *Coordinator
	id       string
	kind     kind // its members
	offsets  map[offsetKey]offset
	recorded bool  // the log holds, or held, something of it
	ended    bool  // the log says that it was deleted, and holds offsets of it still
	behind   bool  // the log took no write of its kind's, which is to be made when it takes writes
	due      int64 // its deadline, unless stale
	stale    bool  // something may have changed since due was looked for
}

// write applies records and has them appended. If it returns an error nothing has changed.
func (g *group) write(records []coordination.Record) *kerr.Error {
	return g.in.writer.Write(g.id, records)
}

// charge takes memory, or gives it back.
func (g *group) charge(bytes int64) { g.in.memory.Charge(bytes) }

// room reports whether groups may take so many bytes more.
func (g *group) room(bytes int64) bool { return g.in.memory.Room(bytes) }

// next is the deadline of a group, looked for again if something happened to it: there may be many
// members, and ids that were handed out, in groups that nobody asks for in this turn.
func (g *group) next() int64 {
	if g.stale {
		g.due, g.stale = g.kind.deadline(), false
	}
	return g.due
}

// Next implements coordination.Core.
func (c *Coordinator) Next() int64 {
	next := int64(0)
	for _, g := range c.groups {
		next = sooner(next, g.next())
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

func anyGroup(*group) bool { return true }

// Expire implements coordination.Core: sessions end, and so do rebalances.
func (c *Coordinator) Expire(now int64) {
	due := func(g *group) bool { at := g.next(); return at != 0 && at <= now || g.behind && c.Writable() }
	for _, id := range c.groupsWhere(due) {
		g := c.groups[id]
		g.stale = true
		g.kind.expire(now)
		c.tidy(g)
	}
}

// Shift implements coordination.Core.
func (c *Coordinator) Shift(by int64) {
	c.loaded += by
	for _, g := range c.groups {
		g.stale = true
		g.kind.shift(by)
	}
}
