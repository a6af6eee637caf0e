package consumer

import (
	"bytes"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
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

// group is a consumer group.
type group struct {
	id           string
	state        state
	since        int64 // when it came into its state
	generation   int32
	protocolType string
	protocol     string
	leader       string
	members      map[string]*member
	static       map[string]string // member id by instance id
	pending      map[string]int64  // ids handed out and not joined with (KIP-394), and until when
	offsets      map[offsetKey]offset

	joinBy    int64 // end of the rebalance, 0 if none
	initial   bool  // the rebalance is a new group's first, which waits for more members
	extendTo  int64 // the latest end of the initial delay
	newcomers bool  // somebody came during the initial delay
	syncBy    int64 // by when all members must have synced, 0 if none
	epoch     int64 // counts rebalances: a write of one that is over is void
	inherited bool  // the generation is the log's: the coordinator before may have begun a later one, whose assignment it never wrote
}

// begunBefore tells whether a generation that a member names can be one that the coordinator before began. Its member is no impostor: it need only join again.
func (g *group) begunBefore(generation int32) bool { return g.inherited && generation > g.generation }

// member is a member of a group.
type member struct {
	id           string
	instance     *string
	clientID     string
	clientHost   string
	rebalanceMS  int32
	sessionMS    int32
	protocols    []kmsg.JoinGroupRequestProtocol
	assignment   []byte
	order        int // of joining
	join         *waiting
	sync         *waiting
	heardBy      int64 // end of the session
	joinedBefore bool
}

// waiting is a request that is answered later.
type waiting struct {
	request kmsg.Request
	reply   Reply
}

func newGroup(id string, now int64) *group {
	return &group{
		id: id, since: now, members: make(map[string]*member), static: make(map[string]string),
		pending: make(map[string]int64), offsets: make(map[offsetKey]offset),
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

// supports tells whether somebody with these protocols can be a member: some protocol must be everybody's.
func (g *group) supports(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if len(g.members) == 0 {
		return protocolType != "" && len(protocols) > 0
	}
	if g.protocolType != protocolType {
		return false
	}
	for _, p := range protocols {
		if g.everybody(p.Name) {
			return true
		}
	}
	return false
}

func (g *group) everybody(protocol string) bool {
	for _, m := range g.members {
		if !slices.ContainsFunc(m.protocols, func(p kmsg.JoinGroupRequestProtocol) bool { return p.Name == protocol }) {
			return false
		}
	}
	return true
}

// choose picks the protocol: of those that everybody has, the one that most prefer; of equals the first by name.
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

func (g *group) add(m *member) {
	for _, other := range g.members {
		m.order = max(m.order, other.order+1)
	}
	g.members[m.id] = m
	if m.instance != nil {
		g.static[*m.instance] = m.id
	}
	if g.leader == "" {
		g.leader = m.id
	}
}

// remove takes a member out; what it waits for must have been answered.
func (g *group) remove(m *member) {
	delete(g.members, m.id)
	if m.instance != nil && g.static[*m.instance] == m.id {
		delete(g.static, *m.instance)
	}
	if g.leader == m.id {
		g.leader = ""
		for _, next := range g.inOrder() {
			g.leader = next.id
			break
		}
	}
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
