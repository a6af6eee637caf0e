package sim

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// groupName is the consumer group of every world.
const groupName = "group"

// member is a consumer in a group: it joins, is given partitions, reads them from where the group
// has got to, and commits how far it is.
type member struct {
	*client
	group       string
	id          string
	generation  int32
	coordinator metadata.NodeID
	owned       []partition
	position    map[partition]int64
}

func groupMember(c *client) {
	m := &member{client: c, group: groupName}
	for !c.world.load.quiet {
		if m.find() && m.join() && m.resume() {
			c.world.load.assigned = c.world.now
			m.consume()
		}
		c.rest(c.world.think())
	}
}

// find asks who coordinates the group.
func (m *member) find() bool {
	r := kmsg.NewPtrFindCoordinatorRequest()
	r.Version, r.CoordinatorKey = 3, m.group
	answer, err := m.ask(m.anyone(), r)
	if err != nil || answer.(*kmsg.FindCoordinatorResponse).ErrorCode != 0 {
		return false
	}
	m.coordinator = answer.(*kmsg.FindCoordinatorResponse).NodeID
	return true
}

// join becomes a member of the next generation and learns what it owns.
func (m *member) join() bool {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.MemberID, r.ProtocolType = m.world.version(2, 9), m.group, m.id, "consumer"
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 4000, 3000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", []byte{}
	r.Protocols = append(r.Protocols, p)
	answer, err := m.ask(m.coordinator, r)
	if err != nil {
		return false
	}
	a := answer.(*kmsg.JoinGroupResponse)
	switch {
	case a.ErrorCode == kerr.MemberIDRequired.Code:
		m.id = a.MemberID
		return m.join()
	case a.ErrorCode != 0:
		m.id = ""
		return false
	}
	m.id, m.generation = a.MemberID, a.Generation
	var all []string
	for _, other := range a.Members {
		all = append(all, other.MemberID)
	}
	return m.sync(all)
}

// sync gives the leader's assignment away and takes the own. An assignment is the numbers of
// partitions, a byte each.
func (m *member) sync(all []string) bool {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Version, r.Group, r.MemberID, r.Generation = m.world.version(0, 4), m.group, m.id, m.generation
	slices.Sort(all)
	for i, id := range all {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = id, []byte{}
		for n := i; n < mainPartitions; n += len(all) {
			a.MemberAssignment = append(a.MemberAssignment, byte(n))
		}
		r.GroupAssignment = append(r.GroupAssignment, a)
	}
	answer, err := m.ask(m.coordinator, r)
	if err != nil || answer.(*kmsg.SyncGroupResponse).ErrorCode != 0 {
		return false
	}
	m.owned = nil
	for _, n := range answer.(*kmsg.SyncGroupResponse).MemberAssignment {
		m.owned = append(m.owned, partition{mainTopic, int32(n)})
	}
	return true
}

// resume asks how far the group has got.
func (m *member) resume() bool {
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Version, r.Group = m.world.version(2, 7), m.group
	t := kmsg.NewOffsetFetchRequestTopic()
	t.Topic = mainTopic
	for _, p := range m.owned {
		t.Partitions = append(t.Partitions, p.number)
	}
	r.Topics = append(r.Topics, t)
	asked := m.world.now.time()
	answer, err := m.ask(m.coordinator, r)
	if err != nil || answer.(*kmsg.OffsetFetchResponse).ErrorCode != 0 {
		return false
	}
	m.position = map[partition]int64{}
	for _, t := range answer.(*kmsg.OffsetFetchResponse).Topics {
		for _, got := range t.Partitions {
			if got.ErrorCode != 0 {
				return false
			}
			p := partition{mainTopic, got.Partition}
			m.position[p] = max(got.Offset, 0)
			m.noteOffset(m.world.load.history.Reads, p, got.Offset, asked)
		}
	}
	return true
}

func (m *member) noteOffset(of map[history.Committed][]history.Answer, p partition, offset int64, asked time.Time) {
	if m.group != groupName {
		return // whoever has many keeps its own books
	}
	key := history.Committed{Group: groupName, Partition: p.history()}
	of[key] = append(of[key], history.Answer{Offset: offset, Invoked: asked, Returned: m.world.now.time()})
}

// consume reads and commits until the group rebalances or the member has had enough: it leaves, or
// is killed, and comes back as another one.
func (m *member) consume() {
	w := m.world
	for rounds := 5 + w.pick(60); rounds > 0 && !w.load.quiet && !w.load.killing; rounds-- {
		if len(m.owned) > 0 {
			p := m.owned[w.pick(len(m.owned))]
			m.read(p)
			if w.chance(3) && !m.commit(p) {
				return
			}
		}
		if !m.heartbeat() {
			return
		}
		m.rest(w.think())
	}
	if w.load.killing || w.chance(3) {
		m.id = ""
		return
	}
	m.leave()
}

// read fetches once, and moves the member's position.
func (m *member) read(p partition) {
	f, ok := m.fetch(p, m.position[p], 300*time.Millisecond)
	switch {
	case ok && f.code == 0 && f.any:
		m.position[p] = f.next
	case ok && f.code == kerr.OffsetOutOfRange.Code:
		if at, ok := m.offsetOf(p, -2); ok {
			m.position[p] = max(at, m.position[p])
		}
	}
}

// commit tells how far the member is.
func (m *member) commit(p partition) bool {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.Generation, r.MemberID = m.world.version(2, 9), m.group, m.generation, m.id
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = p.topic
	part := kmsg.NewOffsetCommitRequestTopicPartition()
	part.Partition, part.Offset, part.LeaderEpoch = p.number, m.position[p], -1
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	asked := m.world.now.time()
	answer, err := m.ask(m.coordinator, r)
	if err != nil || answer.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode != 0 {
		return false
	}
	m.noteOffset(m.world.load.history.Commits, p, part.Offset, asked)
	return true
}

func (m *member) heartbeat() bool {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Version, r.Group, r.Generation, r.MemberID = m.world.version(0, 4), m.group, m.generation, m.id
	answer, err := m.ask(m.coordinator, r)
	return err == nil && answer.(*kmsg.HeartbeatResponse).ErrorCode == 0
}

func (m *member) leave() {
	r := kmsg.NewPtrLeaveGroupRequest()
	r.Version, r.Group, r.MemberID = 2, m.group, m.id
	m.ask(m.coordinator, r)
	m.id = ""
}
