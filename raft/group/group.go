package group

import (
	"bytes"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

type state uint8

// The states of a group (Kafka's ClassicGroupState).
const (
	empty state = iota
	preparing
	completing
	stable
	dead
)

var stateNames = [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}

func (s state) String() string { return stateNames[s] }

// group is a consumer group. What its records say is changed by apply alone; a rebalance runs ahead
// of them in generation, protocol, leader and members, until the record with its assignment brings
// the log after it.
type group struct {
	id       string
	offsets  map[offsetKey]offset
	recorded bool // the log holds, or held, something of it
	ended    bool // the log says that it was deleted, and holds offsets of it still
	behind   bool // the log does not say that it is empty, as it took no writes then

	state        state
	since        int64 // when it came into its state
	generation   int32
	protocolType string
	protocol     string
	leader       string
	members      map[string]*member
	static       map[string]string // member id by instance id
	supported    map[string]int    // how many members have a protocol
	orders       int               // the next member's place in the order of joining

	pending   map[string]int64 // ids handed out and not joined with (KIP-394), and until when
	joinBy    int64            // end of the rebalance, 0 if none
	initial   bool             // the rebalance is a new group's first, which waits for more members
	extendTo  int64            // the latest end of the initial delay
	newcomers bool             // somebody came during the initial delay
	syncBy    int64            // by when all members must have synced, 0 if none
	due       int64            // its deadline, unless stale
	stale     bool             // something may have changed since due was looked for
	// the generation is the log's: the coordinator before may have begun a later one
	inherited bool
}

// begunBefore reports whether a generation that a member names can be one that the coordinator
// before began, and whose assignment it never wrote. The member is no impostor: it need only join
// again.
func (g *group) begunBefore(generation int32) bool { return g.inherited && generation > g.generation }

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

func newGroup(id string, now int64) *group {
	return &group{
		id: id, since: now, stale: true, offsets: make(map[offsetKey]offset), members: make(map[string]*member),
		static: make(map[string]string), supported: make(map[string]int), pending: make(map[string]int64),
	}
}

func (g *group) become(s state, now int64) {
	g.state, g.since = s, now
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
func (g *group) supports(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if len(g.members) == 0 {
		return protocolType != "" && len(protocols) > 0
	}
	if g.protocolType != protocolType {
		return false
	}
	return slices.ContainsFunc(protocols, func(p kmsg.JoinGroupRequestProtocol) bool { return g.everybody(p.Name) })
}

func (g *group) everybody(protocol string) bool { return g.supported[protocol] == len(g.members) }

// choose picks the protocol: of those that everybody has, the one that most prefer; of equals the
// first by name.
func (g *group) choose() string {
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
func (g *group) inOrder() []*member {
	return slices.SortedFunc(maps.Values(g.members), func(a, b *member) int { return a.order - b.order })
}

// add takes a new member in.
func (g *group) add(m *member) {
	m.order = g.orders
	g.orders++
	g.place(m)
	if g.leader == "" {
		g.leader = m.id
	}
}

// place is add for a member that has its order.
func (g *group) place(m *member) {
	g.members[m.id] = m
	g.count(m, 1)
	if m.instance != nil {
		g.static[*m.instance] = m.id
	}
}

// displace takes a member out that another one replaces.
func (g *group) displace(m *member) {
	delete(g.members, m.id)
	g.count(m, -1)
	if m.instance != nil && g.static[*m.instance] == m.id {
		delete(g.static, *m.instance)
	}
}

// remove takes a member out; what it waits for must have been answered.
func (c *Coordinator) remove(g *group, m *member) {
	g.displace(m)
	c.memory.Charge(-m.bytes)
	if g.leader == m.id {
		g.leader = ""
		for _, next := range g.inOrder() {
			g.leader = next.id
			break
		}
	}
}

// count notes what protocols a member brings, or takes away.
func (g *group) count(m *member, by int) {
	for _, p := range m.protocols {
		if g.supported[p.Name] += by; g.supported[p.Name] == 0 {
			delete(g.supported, p.Name)
		}
	}
}

// offer changes what protocols a member has; there are no two of a name.
func (g *group) offer(m *member, protocols []kmsg.JoinGroupRequestProtocol) {
	if g.members[m.id] == m {
		g.count(m, -1)
		defer g.count(m, 1)
	}
	m.protocols = protocols
}

func (g *group) rebalanceTimeout() int64 {
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
