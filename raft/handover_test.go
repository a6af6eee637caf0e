package raft

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// live lets time pass: everything is delivered and made durable, but for what those who are cut off
// say and hear.
func (d *director) live(ticks int, cut ...storage.ReplicaID) {
	lost := func(p packet) bool {
		for _, c := range cut {
			m, ok := p.what.(*raftpb.Message)
			if p.to == c || ok && storage.ReplicaID(m.GetFrom()) == c {
				return true
			}
		}
		return false
	}
	for range ticks {
		for _, m := range d.members {
			m.replica.Tick()
			d.settle(m)
		}
		d.deliverAll(lost)
	}
}

func (d *director) deliverAll(lost func(packet) bool) {
	for busy := true; busy; {
		busy = len(d.network) > 0
		all := d.network
		d.network = nil
		for _, p := range all {
			if lost(p) {
				continue
			}
			to := d.members[p.to-1]
			if err := d.take(to, p.what); err != nil {
				d.t.Fatal(err)
			}
			d.settle(to)
		}
		for _, m := range d.members {
			for len(m.queue) > 0 {
				busy = true
				d.sync(m)
				d.settle(m)
			}
		}
	}
}

// led makes a shard of three that the first member leads.
func led(t *testing.T) (*director, *member) {
	t.Helper()
	d := newDirector(newWorld(t, 1, false))
	leader := d.members[0]
	d.live(3)
	leader.replica.Campaign()
	d.settle(leader)
	d.live(5)
	if s := leader.replica.Status(); !s.Established {
		t.Fatalf("%+v", s)
	}
	return d, leader
}

// exchange has the leader work on what is wanted until it has proposed the joint change for it.
func (d *director) exchange(leader *member) {
	d.t.Helper()
	for range 100 {
		r := leader.replica.Reconfigure(d.want)
		if r.Proposed && len(leader.replica.Members().GetLearners()) > 0 {
			return
		}
		d.settle(leader)
		d.live(2)
	}
	d.t.Fatalf("no exchange: %v", leader.replica.Members())
}

// TestAJointConfigurationEnds has raft drop its own proposal to leave the joint configuration, as
// it does while leadership is handed over. Nobody writes to the shard.
func TestAJointConfigurationEnds(t *testing.T) {
	d, leader := led(t)
	d.want = Wanted{Voters: ids{1, 2, d.blank()}}
	d.exchange(leader)
	leader.replica.node.TransferLeader(2) // as an older build does, whatever is under way
	d.settle(leader)
	d.live(30, 2)
	if s, c := leader.replica.Status(), leader.replica.Members(); s.Role != Leader || s.Transferee != 0 || len(c.GetVotersOutgoing()) == 0 {
		t.Fatalf("raft has left the joint configuration: %+v %v", s, c)
	}
	for range 20 {
		leader.replica.Reconfigure(d.want)
		d.settle(leader)
		d.live(2)
	}
	if c := leader.replica.Members(); !d.want.Is(c) {
		t.Fatalf("the members are %v, not %v", c, d.want)
	}
}

// TestAHandoverWaitsForTheMembers hands leadership over while members change: it comes about when
// the change is over, and proposals are taken until then.
func TestAHandoverWaitsForTheMembers(t *testing.T) {
	d, leader := led(t)
	d.want = Wanted{Voters: ids{1, 2, d.blank()}}
	d.exchange(leader)
	leader.replica.Transfer(2)
	d.settle(leader)
	if s := leader.replica.Status(); s.Transferee != 0 {
		t.Fatalf("it is handed over in the middle of a change: %+v", s)
	}
	d.live(2)
	if s := d.members[1].replica.Status(); s.Role != Leader || !d.want.Is(d.members[1].replica.Members()) {
		t.Fatalf("%+v, %v", s, d.members[1].replica.Members())
	}
}

// TestWhoIsCalledTooEarlyTakesOverLater has a replica hear in one turn that the change which makes
// it a voter is committed, and that it is to lead. Raft ignores the call of who has not applied
// such a change, and the shard would take no proposals until an election timeout is over.
func TestWhoIsCalledTooEarlyTakesOverLater(t *testing.T) {
	d, leader := led(t)
	four := d.blank()
	d.want = Wanted{Voters: ids{1, 2, four}}
	d.exchange(leader)
	d.settle(leader)
	var held []*raftpb.Message
	hold := func(p packet) bool {
		m, ok := p.what.(*raftpb.Message)
		later := ok && p.to == four && len(m.Entries) == 0
		if later {
			held = append(held, m)
		}
		return later
	}
	d.deliverAll(hold)
	last := d.members[four-1].replica
	if !d.want.Is(leader.replica.Members()) || d.want.Is(last.Members()) {
		t.Fatalf("the leader has %v, the new voter %v", leader.replica.Members(), last.Members())
	}
	leader.replica.Transfer(four)
	d.settle(leader)
	d.deliverAll(hold)
	if leader.replica.Status().Transferee != four {
		t.Fatalf("%+v", leader.replica.Status())
	}
	for _, m := range held {
		if err := last.Step(m); err != nil {
			t.Fatal(err)
		}
	}
	d.settle(d.members[four-1])
	d.deliverAll(func(packet) bool { return false })
	if s := last.Status(); s.Role != Leader {
		t.Fatalf("who was called is %+v, the leader %+v", s, leader.replica.Status())
	}
}

// TestACallIsRepeated loses a leader's call to take over.
func TestACallIsRepeated(t *testing.T) {
	d, leader := led(t)
	leader.replica.Transfer(2)
	d.settle(leader)
	d.network = nil
	d.live(2)
	if s := d.members[1].replica.Status(); s.Role != Leader {
		t.Fatalf("%+v, %+v", s, leader.replica.Status())
	}
}

// TestALeaderThatIsNotAnsweredGoesOn hands leadership over to a replica that has just died.
// Proposals are taken again after a few ticks, not only after an election timeout.
func TestALeaderThatIsNotAnsweredGoesOn(t *testing.T) {
	d, leader := led(t)
	leader.replica.Transfer(2)
	d.settle(leader)
	d.live(callTicks, 2)
	if s := leader.replica.Status(); s.Role != Leader || s.Transferee != 0 {
		t.Fatalf("%+v", s)
	}
	d.world.propose(leader)
	d.settle(leader)
	last := leader.replica.Status().Last
	stale := &raftpb.Message{
		Type: raftpb.MsgTimeoutNow.Enum(), From: new(uint64(1)), To: new(uint64(2)), Term: new(leader.replica.Status().Term), Index: new(last - 1),
	}
	d.live(5)
	if err := d.members[1].replica.Step(stale); err != nil { // the call was late
		t.Fatal(err)
	}
	d.settle(d.members[1])
	d.live(5)
	if s := leader.replica.Status(); s.Role != Leader || s.Applied != last {
		t.Fatalf("a call from before the leader went on unseated it: %+v", s)
	}
}
