package consumer

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/protocol"
)

// TestGroupsKeepTheirPromises lets members do anything in any order while the log is slow, refuses and moves, and holds the coordinator to:
// every request is answered once; a generation has one leader and gives a member one assignment; what was acknowledged as committed
// is what a fetch tells, here and after the coordinator moved.
func TestGroupsKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &groupWorld{t: t, script: newScript(), leaders: map[int32]string{}, assigned: map[string]string{}}
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
			"commit": func(t *rapid.T) { w.commit(w.anyone(t)) },
			"forget": func(t *rapid.T) { p := w.anyone(t); p.id, p.generation, p.leader = "", -1, false },
			"wait":   func(t *rapid.T) { w.wait(rapid.Int64Range(1, 8000).Draw(t, "ms")); w.settle() },
			"hold":   func(*rapid.T) { w.hold = true },
			"write":  func(*rapid.T) { w.hold = false; w.release(nil); w.settle() },
			"fail": func(*rapid.T) {
				w.release(protocol.Errorf(kerr.RequestTimedOut, "told to"))
				w.settle()
			},
			"move": func(*rapid.T) { w.move() },
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

type groupWorld struct {
	*script
	t        *rapid.T
	players  []*player
	leaders  map[int32]string  // by generation
	assigned map[string]string // by generation and member
	offset   int64             // of the last acknowledged commit
	next     int64             // makes commits and assignments distinct
	open     int               // requests without an answer
	lives    int               // of the coordinator
}

func (w *groupWorld) anyone(t *rapid.T) *player { return rapid.SampledFrom(w.players).Draw(t, "who") }

// once returns a reply that must be called once.
func (w *groupWorld) once(what string, reply Reply) Reply {
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
	rp.Name = "range"
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

func (w *groupWorld) commit(p *player) {
	w.next++
	at := w.next
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.MemberID, r.Generation, r.InstanceID = 9, "g", p.id, p.generation, p.instance
	t, part := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	t.Topic, part.Offset = "t", at
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	w.core.Commit(w.now, r, w.known, w.once("a commit", func(resp kmsg.Response) {
		if resp.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode == 0 {
			w.offset = at
		}
	}))
	w.settle()
}

// move has another coordinator take over.
func (w *groupWorld) move() {
	w.lives++
	if err := w.restart(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *groupWorld) check() {
	want := w.offset
	if want == 0 {
		want = -1
	}
	if got := w.core.Fetch("g", "t", w.topicID("t"), []int32{0})[0].Offset; got != want {
		w.t.Fatalf("the committed offset is %d, the last acknowledged %d", got, want)
	}
	if g := w.core.groups["g"]; g != nil {
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
