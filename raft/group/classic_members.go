package group

import (
	"bytes"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// member is a member of a group.
type member struct {
	id          string
	instance    *string
	clientID    string
	clientHost  string
	rebalanceMS int32
	sessionMS   int32
	protocols   []kmsg.JoinGroupRequestProtocol
	assignment  []byte
	order       int // of joining

	join       *waiting
	sync       *waiting
	heardBy    int64 // end of the session
	unanswered int   // answers that wait for a write; nobody expects to hear of who has none
	bytes      int64 // charged for it
}

// waiting is a request that is answered later.
type waiting struct {
	request kmsg.Request
	reply   coordination.Reply
}

// metadata returns what a member says for a protocol.
func (m *member) metadata(protocol string) []byte {
	for _, p := range m.protocols {
		if p.Name == protocol {
			return p.Metadata
		}
	}
	return nil
}

func sameProtocols(a, b []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(a, b, func(x, y kmsg.JoinGroupRequestProtocol) bool {
		return x.Name == y.Name && bytes.Equal(x.Metadata, y.Metadata)
	})
}

// supports reports whether somebody with these protocols can be a member: some protocol must be
// everybody's.
func (g *classic) supports(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if len(g.members) == 0 {
		return protocolType != "" && len(protocols) > 0
	}
	if g.protocolType != protocolType {
		return false
	}
	return slices.ContainsFunc(protocols, func(p kmsg.JoinGroupRequestProtocol) bool { return g.everybody(p.Name) })
}

func (g *classic) everybody(protocol string) bool { return g.supported[protocol] == len(g.members) }

// choose picks the protocol: of those that everybody has, the one that most prefer; of equals the
// first by name.
func (g *classic) choose() string {
	votes := make(map[string]int)
	for _, m := range g.members {
		for _, p := range m.protocols {
			if g.everybody(p.Name) {
				votes[p.Name]++
				break
			}
		}
	}
	best := ""
	for _, name := range slices.Sorted(maps.Keys(votes)) {
		if best == "" || votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// inOrder returns the members in the order they joined.
func (g *classic) inOrder() []*member {
	return slices.SortedFunc(maps.Values(g.members), func(a, b *member) int { return a.order - b.order })
}

// add takes a new member in.
func (g *classic) add(m *member) {
	m.order = g.orders
	g.orders++
	g.place(m)
	if g.leader == "" {
		g.leader = m.id
	}
}

// place is add for a member that has its order.
func (g *classic) place(m *member) {
	g.members[m.id] = m
	g.count(m, 1)
	if m.instance != nil {
		g.static[*m.instance] = m.id
	}
}

// displace takes a member out that another one replaces.
func (g *classic) displace(m *member) {
	delete(g.members, m.id)
	g.count(m, -1)
	if m.instance != nil && g.static[*m.instance] == m.id {
		delete(g.static, *m.instance)
	}
}

// remove takes a member out; what it waits for must have been answered.
func (g *classic) remove(m *member) {
	g.displace(m)
	g.charge(-m.bytes)
	if g.leader == m.id {
		g.leader = ""
		for _, next := range g.inOrder() {
			g.leader = next.id
			break
		}
	}
}

// count notes what protocols a member brings, or takes away.
func (g *classic) count(m *member, by int) {
	for _, p := range m.protocols {
		if g.supported[p.Name] += by; g.supported[p.Name] == 0 {
			delete(g.supported, p.Name)
		}
	}
}

// offer changes what protocols a member has; there are no two of a name.
func (g *classic) offer(m *member, protocols []kmsg.JoinGroupRequestProtocol) {
	if g.members[m.id] == m {
		g.count(m, -1)
		defer g.count(m, 1)
	}
	m.protocols = protocols
}

func (g *classic) rebalanceTimeout() int64 {
	longest := int32(0)
	for _, m := range g.members {
		longest = max(longest, m.rebalanceMS)
	}
	return int64(longest)
}

// heard begins a member's session anew.
func (m *member) heard(now int64) { m.heardBy = now + int64(m.sessionMS) }

// refuse answers what a member waits for with an error.
func (m *member) refuse(err *kerr.Error) {
	if m.join != nil {
		m.join.refuseJoin(m.id, err)
		m.join = nil
	}
	if m.sync != nil {
		m.sync.refuseSync(err)
		m.sync = nil
	}
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
func (g *classic) settle(m *member) {
	now := m.size()
	g.charge(now - m.bytes)
	m.bytes = now
}

func pendingBytes(id string) int64 { return int64(len(id)) + idOverhead }

// expect notes an id that was handed out, until when it is good.
func (g *classic) expect(id string, until int64) {
	g.pending[id] = until
	g.charge(pendingBytes(id))
}

// expected forgets an id that was handed out; false if it was not.
func (g *classic) expected(id string) bool {
	if _, ok := g.pending[id]; !ok {
		return false
	}
	delete(g.pending, id)
	g.charge(-pendingBytes(id))
	return true
}

// answered begins a member's session anew: when its answer leaves, if that is held.
func (g *classic) answered(m *member, now int64) {
	m.heard(now)
	if g.in.OnCommit(g.id, func(now int64) { m.unanswered--; m.heard(now); g.stale = true }) {
		m.unanswered++
	}
}
