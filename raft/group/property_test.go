package group

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/coordination"
)

// TestGroupsKeepTheirPromises lets members and administrators do anything in any order while the
// log is slow, refuses and moves, and holds the coordinator to:
//   - every request is answered once;
//   - a generation has one leader and gives a member one assignment;
//   - what was acknowledged as committed is what a fetch tells, here and after the coordinator
//     moved, until somebody deletes it or its time is over; what was acknowledged as deleted does
//     not come back;
//   - at every moment the next coordinator would know what this one does, and memory is charged
//     for what is there.
func TestGroupsKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &groupWorld{t: t, script: newScript(), leaders: map[int32]string{}, assigned: map[string]string{}, offsets: map[string]*committedAt{}}
		w.config.OffsetsRetentionMS = 30_000
		w.config.InitialRebalanceDelayMS = rapid.SampledFrom([]int64{0, 1000}).Draw(t, "delay")
		w.core = New(w.config, w.newID)
		for i := range 4 {
			p := &player{index: i, generation: -1}
			if i%2 == 1 {
				instance := fmt.Sprint("static", i)
				p.instance = &instance
			}
			w.players = append(w.players, p)
		}
		t.Repeat(map[string]func(*rapid.T){
			"join":   func(t *rapid.T) { w.join(w.anyone(t), rapid.Int16Range(3, 9).Draw(t, "version")) },
			"sync":   func(t *rapid.T) { w.sync(w.anyone(t)) },
			"beat":   func(t *rapid.T) { w.beat(w.anyone(t)) },
			"leave":  func(t *rapid.T) { w.leave(w.anyone(t)) },
			"commit": func(t *rapid.T) { w.commit(w.anyone(t), w.anyTopic(t)) },
			"alone":  func(t *rapid.T) { w.commit(&player{index: 9, generation: -1}, w.anyTopic(t)) },
			"delete": func(*rapid.T) { w.delete() },
			"drop":   func(t *rapid.T) { w.drop(w.anyTopic(t)) },
			"expire": func(*rapid.T) { w.expire() },
			"room":   func(t *rapid.T) { w.core.ReadOnly(rapid.Bool().Draw(t, "read-only")) },
			"forget": func(t *rapid.T) { p := w.anyone(t); p.id, p.generation, p.leader = "", -1, false },
			"wait":   func(t *rapid.T) { w.wait(rapid.Int64Range(1, 8000).Draw(t, "ms")); w.settle() },
			"hold":   func(*rapid.T) { w.hold = true },
			"write":  func(*rapid.T) { w.hold = false; w.release(nil); w.settle() },
			"fail": func(*rapid.T) {
				w.release(protocol.Errorf(kerr.RequestTimedOut, "told to"))
				w.settle()
			},
			"move": func(*rapid.T) { w.restart() },
			"":     func(*rapid.T) { w.check() },
		})
		w.hold = false
		w.release(nil)
		w.settle()
		w.wait(200_000) // beyond every session and rebalance
		w.settle()
		if w.open != 0 {
			t.Fatalf("%d requests were never answered", w.open)
		}
	})
}

// player is a member as it sees itself.
type player struct {
	index      int
	id         string
	instance   *string
	generation int32
	leader     bool
}

// committedAt is the last acknowledged commit for a topic; offset -1 if there is none.
type committedAt struct {
	offset, at int64
	overdue    bool // it may have been expired
}

type groupWorld struct {
	*script
	t        *rapid.T
	players  []*player
	leaders  map[int32]string  // by generation
	assigned map[string]string // by generation and member
	offsets  map[string]*committedAt
	next     int64 // makes commits and assignments distinct
	open     int   // requests without an answer
}

func (w *groupWorld) anyone(t *rapid.T) *player { return rapid.SampledFrom(w.players).Draw(t, "who") }

// once returns a reply that must be called once.
func (w *groupWorld) once(what string, reply coordination.Reply) coordination.Reply {
	w.open++
	called := false
	return func(r kmsg.Response) {
		if called {
			w.t.Fatalf("%s was answered twice", what)
		}
		called = true
		w.open--
		reply(r)
	}
}

func (w *groupWorld) join(p *player, version int16) {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.MemberID, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis, r.ProtocolType = version, "g", p.id, 10_000, 20_000, "consumer"
	if version >= 5 {
		r.InstanceID = p.instance
	}
	rp := kmsg.NewJoinGroupRequestProtocol()
	subscription := kmsg.NewConsumerMemberMetadata()
	subscription.Topics = []string{"t"}
	rp.Name, rp.Metadata = "range", subscription.AppendTo(nil)
	r.Protocols = append(r.Protocols, rp)
	w.core.Join(w.now, Client{fmt.Sprint("player", p.index), "/host"}, r, w.once("a join", func(resp kmsg.Response) {
		o := resp.(*kmsg.JoinGroupResponse)
		switch code := kerr.ErrorForCode(o.ErrorCode); code {
		case nil:
			p.id, p.generation, p.leader = o.MemberID, o.Generation, o.LeaderID == o.MemberID
			if p.leader && !o.SkipAssignment {
				w.leads(o)
			}
		case kerr.MemberIDRequired:
			p.id = o.MemberID
		case kerr.UnknownMemberID, kerr.FencedInstanceID:
			p.id, p.generation = "", -1
		}
	}))
	w.settle()
}

// leads: a generation has one leader, unless a static one came back under another id.
func (w *groupWorld) leads(o *kmsg.JoinGroupResponse) {
	key := o.Generation
	before, known := w.leaders[key]
	w.leaders[key] = o.MemberID
	if !known || before == o.MemberID {
		return
	}
	for _, m := range o.Members {
		if m.MemberID == o.MemberID && m.InstanceID != nil {
			return
		}
		if m.MemberID == before {
			w.t.Fatalf("generation %d has two leaders: %s and %s", key, before, o.MemberID)
		}
	}
}

func (w *groupWorld) sync(p *player) {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Version, r.Group, r.MemberID, r.Generation, r.InstanceID = 5, "g", p.id, p.generation, p.instance
	if p.leader {
		w.next++
		for _, other := range w.players {
			a := kmsg.NewSyncGroupRequestGroupAssignment()
			a.MemberID, a.MemberAssignment = other.id, fmt.Append(nil, p.generation, "/", w.next)
			r.GroupAssignment = append(r.GroupAssignment, a)
		}
	}
	generation := p.generation
	w.core.Sync(w.now, r, w.once("a sync", func(resp kmsg.Response) {
		o := resp.(*kmsg.SyncGroupResponse)
		if o.ErrorCode != 0 || len(o.MemberAssignment) == 0 {
			return
		}
		key := fmt.Sprint(w.lives, " ", generation, " ", r.MemberID)
		if before, ok := w.assigned[key]; ok && before != string(o.MemberAssignment) {
			w.t.Fatalf("member %s has two assignments in generation %d: %s and %s", r.MemberID, generation, before, o.MemberAssignment)
		}
		w.assigned[key] = string(o.MemberAssignment)
	}))
	w.settle()
}

func (w *groupWorld) beat(p *player) {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Version, r.Group, r.MemberID, r.Generation, r.InstanceID = 4, "g", p.id, p.generation, p.instance
	w.core.Heartbeat(w.now, r, w.once("a heartbeat", func(kmsg.Response) {}))
	w.settle()
}

func (w *groupWorld) leave(p *player) {
	r := kmsg.NewPtrLeaveGroupRequest()
	m := kmsg.NewLeaveGroupRequestMember()
	r.Version, r.Group, m.MemberID, m.InstanceID = 5, "g", p.id, p.instance
	r.Members = append(r.Members, m)
	w.core.Leave(w.now, r, w.once("a leave", func(kmsg.Response) {}))
	p.id, p.generation, p.leader = "", -1, false
	w.settle()
}

func (w *groupWorld) commit(p *player, topic string) {
	w.next++
	at, now := w.next, w.now
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.MemberID, r.Generation, r.InstanceID = 9, "g", p.id, p.generation, p.instance
	t, part := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	t.Topic, part.Offset = topic, at
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	w.core.Commit(w.now, r, w.script.known, w.once("a commit", func(resp kmsg.Response) {
		if resp.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode == 0 {
			w.offsets[topic] = &committedAt{offset: at, at: now}
		}
	}))
	w.settle()
}

var someTopics = []string{"t", "u"} // members read t only

func (w *groupWorld) anyTopic(t *rapid.T) string {
	return rapid.SampledFrom(someTopics).Draw(t, "topic")
}

// delete has an administrator delete the group.
func (w *groupWorld) delete() {
	reply := w.once("a deletion", func(kmsg.Response) {})
	w.core.Delete("g", func(err *kerr.Error) {
		reply(nil)
		if err == nil {
			clear(w.offsets)
			clear(w.leaders) // the next group of this name begins anew
			clear(w.assigned)
		}
	})
	w.settle()
}

// drop has an administrator delete an offset.
func (w *groupWorld) drop(topic string) {
	r := kmsg.NewPtrOffsetDeleteRequest()
	t := kmsg.NewOffsetDeleteRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.OffsetDeleteRequestTopicPartition{{}}
	r.Group, r.Topics = "g", append(r.Topics, t)
	w.core.DeleteOffsets(r, w.once("an offset's deletion", func(resp kmsg.Response) {
		if o := resp.(*kmsg.OffsetDeleteResponse); o.ErrorCode == 0 && o.Topics[0].Partitions[0].ErrorCode == 0 {
			delete(w.offsets, topic)
		}
	}))
	w.settle()
}

// expire looks for what was kept for its time.
func (w *groupWorld) expire() {
	w.core.ApplyRetention(w.now)
	w.settle()
	now := w.now
	w.core.When("g", func(*kerr.Error) {
		for _, c := range w.offsets {
			c.overdue = c.overdue || c.at+w.config.OffsetsRetentionMS < now
		}
	})
}

func (w *groupWorld) check() {
	for _, topic := range someTopics {
		w.checkOffset(topic)
	}
	w.core.Next()
	if err := w.differs(); err != nil {
		w.t.Fatal(err)
	}
	if g := w.core.classicOf("g"); g != nil {
		if g.state == stable && g.members[g.leader] == nil {
			w.t.Fatalf("a stable group without its leader %q", g.leader)
		}
		for instance, id := range g.static {
			if m := g.members[id]; m == nil || m.instance == nil || *m.instance != instance {
				w.t.Fatalf("instance %s is said to be %s, who is not a member", instance, id)
			}
		}
	}
}

func (w *groupWorld) checkOffset(topic string) {
	got := w.core.Fetch("g", topic, w.topicID(topic), []int32{0})[0].Offset
	w.core.When("g", func(err *kerr.Error) {
		want := &committedAt{offset: -1}
		if c := w.offsets[topic]; c != nil {
			want = c
		}
		if err == nil && got != want.offset && !(got == -1 && want.overdue) {
			w.t.Fatalf("the committed offset of %s is %d, the last acknowledged %d", topic, got, want.offset)
		}
	})
}
