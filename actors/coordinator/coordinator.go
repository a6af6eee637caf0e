package coordinator

// Coordinators are the group coordinators of a node.
type Coordinators struct{}

// Close ends them.
func (c *Coordinators) Close() {}
