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

func offsetBytes(k offsetKey, o offset) int64 {
	return int64(len(k.topic)+len(o.metadata)) + offsetOverhead
}

// put adds a group.
func (c *Coordinator) put(g *group) {
	c.groups[g.id] = g
	c.memory.Charge(int64(2*len(g.id)) + groupOverhead)
}

// drop forgets a group, all of it.
func (c *Coordinator) drop(g *group) {
	c.memory.Charge(-g.kind.bytes())
	for k, o := range g.offsets {
		c.memory.Charge(-offsetBytes(k, o))
	}
	delete(c.groups, g.id)
	c.memory.Charge(-int64(2*len(g.id)) - groupOverhead)
}

// tidy forgets a group that nothing is left of and that the log does not know.
func (c *Coordinator) tidy(g *group) {
	if c.groups[g.id] == g && !g.recorded && g.kind.vacant() {
		c.drop(g)
	}
}
