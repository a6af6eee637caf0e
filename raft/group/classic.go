package group

import (
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

// classic is the kind of group whose members rebalance together, and of whom one assigns the work
// (JoinGroup, SyncGroup). Who commits offsets without being a member does it in such a group too. A
// rebalance runs ahead of the log in generation, protocol, leader and members, until the record
// with its assignment brings the log after it.
type classic struct {
	*group

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
	// the generation is the log's: the coordinator before may have begun a later one
	inherited bool
}

// newClassic makes a group of the classic kind, which is not one of the coordinator's yet.
func newClassic(in *Coordinator, id string, now int64) *classic {
	g := &classic{
		group: &group{in: in, id: id, stale: true, offsets: make(map[offsetKey]offset)}, since: now,
		members: make(map[string]*member), static: make(map[string]string), supported: make(map[string]int), pending: make(map[string]int64),
	}
	g.kind = g
	return g
}

// classicOf returns a group if there is one of this id and the classic kind, or nil.
func (c *Coordinator) classicOf(id string) *classic {
	if g := c.groups[id]; g != nil {
		k, _ := g.kind.(*classic)
		return k
	}
	return nil
}

func (g *classic) become(s state, now int64) { g.state, g.since = s, now }

// begunBefore reports whether a generation that a member names can be one that the coordinator
// before began, and whose assignment it never wrote. The member is no impostor: it need only join
// again.
func (g *classic) begunBefore(generation int32) bool { return g.inherited && generation > g.generation }

// summary implements kind.
func (g *classic) summary() summary {
	return summary{Type: "classic", State: g.state.String(), ProtocolType: g.protocolType, Members: len(g.members)}
}

// vacant implements kind.
func (g *classic) vacant() bool {
	return g.state == empty && len(g.members) == 0 && len(g.pending) == 0
}

// mayCommit implements kind. Who names no generation may commit while nobody is a member, whatever
// it calls itself: an admin client, or a consumer that assigns partitions itself.
func (g *classic) mayCommit(now int64, r *kmsg.OffsetCommitRequest) *kerr.Error {
	switch {
	case r.Generation < 0 && g.state == empty:
		return nil
	case r.Generation < 0 && r.MemberID == "" && r.InstanceID == nil:
		return kerr.UnknownMemberID
	}
	m, refused := g.known(r.MemberID, r.InstanceID)
	switch {
	case refused != nil:
		return refused
	case r.Generation != g.generation:
		return kerr.IllegalGeneration
	case g.state == completing:
		return kerr.RebalanceInProgress
	}
	m.heard(now)
	return nil
}

// mayFetch implements kind.
func (g *classic) mayFetch(member string, epoch int32) *kerr.Error {
	switch {
	case g.members[member] == nil:
		return kerr.UnknownMemberID
	case g.generation != epoch:
		return kerr.IllegalGeneration
	}
	return nil
}

// consumed implements kind.
func (g *classic) consumed() (func(topic string) bool, *kerr.Error) {
	if g.state != empty && g.protocolType != consumerType {
		return nil, kerr.NonEmptyGroup
	}
	topics, known := g.subscription()
	return func(topic string) bool { return topics[topic] || !known }, nil
}

// expiry implements kind.
func (g *classic) expiry(now, retention int64) (expired func(offsetKey, offset) bool, ok bool) {
	before := now - retention
	switch {
	case len(g.pending) > 0:
		return nil, false
	case g.state == empty && g.protocolType == "":
		return func(_ offsetKey, o offset) bool { return o.expired(now, before, o.at) }, true
	case g.state == empty:
		return func(_ offsetKey, o offset) bool { return o.expired(now, before, max(o.at, g.since)) }, true
	case g.state != stable || g.protocolType != consumerType:
		return nil, false
	}
	topics, known := g.subscription()
	return func(k offsetKey, o offset) bool { return !topics[k.topic] && o.expired(now, before, o.at) }, known
}

// tombstones implements kind.
func (g *classic) tombstones() []coordination.Record {
	return []coordination.Record{{Key: groupRecordKey(g.id)}}
}

// deadline implements kind.
func (g *classic) deadline() int64 {
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

// expire implements kind: sessions, rebalances, ids that were not joined with.
func (g *classic) expire(now int64) {
	if g.behind && g.state == empty {
		g.writeEmpty()
	}
	for id, until := range g.pending {
		if until <= now {
			g.expected(id)
		}
	}
	g.tryComplete(now)
	for _, m := range g.inOrder() {
		if m.silent() && m.heardBy <= now && g.members[m.id] == m {
			g.leave(now, m, kerr.UnknownMemberID)
		}
	}
	if g.state == preparing && g.joinBy != 0 && g.joinBy <= now {
		g.joinExpired(now)
	}
	if g.state == completing && g.syncBy != 0 && g.syncBy <= now {
		g.syncExpired(now)
	}
}

// shift implements kind.
func (g *classic) shift(by int64) {
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

// loaded implements kind: sessions begin anew, and a generation may have been begun that was not
// written.
func (g *classic) loaded(now int64) {
	g.inherited = true
	for _, m := range g.members {
		m.heard(now)
	}
}

// abandon implements kind.
func (g *classic) abandon(cause *kerr.Error) {
	for _, m := range g.inOrder() {
		m.refuse(cause)
	}
}

// bytes implements kind.
func (g *classic) bytes() (n int64) {
	for _, m := range g.members {
		n += m.bytes
	}
	for id := range g.pending {
		n += pendingBytes(id)
	}
	return n
}
