package sim

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// patient is a member of a group that does as Kafka's own client does when its coordinator goes: it
// looks for the next one and is who it was.
type patient struct {
	*client
	id          string
	generation  int32 // -1 until it is told one
	coordinator metadata.NodeID
	commits     int // acknowledged
}

func (p *patient) live() {
	p.generation = -1
	for !p.world.load.quiet {
		if p.find() && (p.generation >= 0 || p.join()) {
			for p.commit() && p.beat() {
				p.wait(500 * time.Millisecond)
			}
		}
		p.wait(100 * time.Millisecond)
	}
}

func (p *patient) find() bool {
	r := kmsg.NewPtrFindCoordinatorRequest()
	r.Version, r.CoordinatorKey = 3, "patients"
	answer, err := p.ask(p.anyone(), r)
	if err != nil || answer.(*kmsg.FindCoordinatorResponse).ErrorCode != 0 {
		return false
	}
	p.coordinator = answer.(*kmsg.FindCoordinatorResponse).NodeID
	return true
}

// told does what an error asks for; true if there is none.
func (p *patient) told(code int16) bool {
	switch kerr.ErrorForCode(code) {
	case nil:
		return true
	case kerr.UnknownMemberID:
		p.id, p.generation = "", -1
	case kerr.IllegalGeneration, kerr.RebalanceInProgress:
		p.generation = -1
	}
	return false
}

func (p *patient) join() bool {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.MemberID, r.ProtocolType, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 5, "patients", p.id, "consumer", 45_000, 300_000
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "range"
	r.Protocols = append(r.Protocols, protocol)
	answer, err := p.await(p.send(p.coordinator, r), 305*time.Second)
	if err != nil {
		return false
	}
	a := answer.(*kmsg.JoinGroupResponse)
	if a.ErrorCode == kerr.MemberIDRequired.Code {
		p.id = a.MemberID
		return p.join()
	}
	if !p.told(a.ErrorCode) {
		return false
	}
	p.id = a.MemberID
	s := kmsg.NewPtrSyncGroupRequest()
	s.Version, s.Group, s.MemberID, s.Generation = 3, "patients", p.id, a.Generation
	for _, m := range a.Members {
		one := kmsg.NewSyncGroupRequestGroupAssignment()
		one.MemberID, one.MemberAssignment = m.MemberID, []byte("all")
		s.GroupAssignment = append(s.GroupAssignment, one)
	}
	answer, err = p.await(p.send(p.coordinator, s), 305*time.Second)
	if err != nil || !p.told(answer.(*kmsg.SyncGroupResponse).ErrorCode) {
		return false
	}
	p.generation = a.Generation
	return true
}

func (p *patient) commit() bool {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.Generation, r.MemberID = 7, "patients", p.generation, p.id
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic, t.Partitions = mainTopic, []kmsg.OffsetCommitRequestTopicPartition{kmsg.NewOffsetCommitRequestTopicPartition()}
	r.Topics = append(r.Topics, t)
	answer, err := p.ask(p.coordinator, r)
	if err != nil || !p.told(answer.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode) {
		return false
	}
	p.commits++
	return true
}

func (p *patient) beat() bool {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Version, r.Group, r.Generation, r.MemberID = 3, "patients", p.generation, p.id
	answer, err := p.ask(p.coordinator, r)
	return err == nil && p.told(answer.(*kmsg.HeartbeatResponse).ErrorCode)
}

// TestAGroupGetsOnWhileNodesDie: nodes are killed in turn every three seconds and come back, so
// that no coordinator lives long. Members get into their group all the same, one of them later than
// the others, and stay in it.
func TestAGroupGetsOnWhileNodesDie(t *testing.T) {
	for seed := range uint64(3) {
		r := run(Options{Seed: seed, World: "plain", Without: everybody()}, func(w *World) []Fault {
			w.kind.settings = map[string]string{"group.initial.rebalance.delay.ms": "3000"}
			w.pace = 1
			w.begun()
			w.run(instant(15 * time.Second))
			members := make([]*patient, 3)
			come := func(i int) {
				w.spawn("patient", func(c *client) { members[i] = &patient{client: c}; members[i].live() })
			}
			come(0)
			come(1)
			for i := range 100 {
				if i == 40 {
					come(2)
				}
				m := w.machines[w.order[i%len(w.order)]]
				w.crash(m, keepsSome, "it is killed")
				w.after(time.Second, func() { w.start(m) })
				w.run(w.now.plus(3 * time.Second))
			}
			for i, p := range members {
				if p.commits < 100 {
					t.Errorf("seed %d: member %d committed %d times in five minutes", seed, i, p.commits)
				}
			}
			return nil
		})
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
	}
}
