package group

// What things take in memory beside their strings and bytes, about.
const (
	groupOverhead  = 1024
	memberOverhead = 512
	offsetOverhead = 192
	idOverhead     = 96
)

// slightly is how much more a member that is in its group may take when nothing is left: those who
// live go on.
const slightly = 4 << 10

func pendingBytes(id string) int64 { return int64(len(id)) + idOverhead }

func offsetBytes(k offsetKey, o offset) int64 {
	return int64(len(k.topic)+len(o.metadata)) + offsetOverhead
}

// size is what a member takes.
func (m *member) size() int64 {
	n := 2*len(m.id) + len(m.clientID) + len(m.clientHost) + len(m.assignment) + memberOverhead
	if m.instance != nil {
		n += 2 * len(*m.instance)
	}
	for _, p := range m.protocols {
		n += len(p.Name) + len(p.Metadata) + idOverhead
	}
	return int64(n)
}

// settle charges for what a member has become.
func (c *Coordinator) settle(m *member) {
	now := m.size()
	c.memory.Charge(now - m.bytes)
	m.bytes = now
}

// put adds a group.
func (c *Coordinator) put(g *group) {
	c.groups[g.id] = g
	c.memory.Charge(int64(2*len(g.id)) + groupOverhead)
}

// drop forgets a group, all of it.
func (c *Coordinator) drop(g *group) {
	for _, m := range g.members {
		c.memory.Charge(-m.bytes)
	}
	for id := range g.pending {
		c.memory.Charge(-pendingBytes(id))
	}
	for k, o := range g.offsets {
		c.memory.Charge(-offsetBytes(k, o))
	}
	delete(c.groups, g.id)
	c.memory.Charge(-int64(2*len(g.id)) - groupOverhead)
}

// expect notes an id that was handed out, until when it is good.
func (c *Coordinator) expect(g *group, id string, until int64) {
	g.pending[id] = until
	c.memory.Charge(pendingBytes(id))
}

// expected forgets an id that was handed out; false if it was not.
func (c *Coordinator) expected(g *group, id string) bool {
	if _, ok := g.pending[id]; !ok {
		return false
	}
	delete(g.pending, id)
	c.memory.Charge(-pendingBytes(id))
	return true
}
