package replica

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Node is what a replica actor asks of the node it runs on. Safe for any goroutine; nothing blocks.
type Node interface {
	// Write gives an append to the journal.
	Write(journal.Write)
	// Send hands a message to the node that a replica of the shard lives on; unknown replicas are
	// reported as Unreachable.
	Send(to metadata.NodeID, m remote.Raft)
	// Pull asks the node that a replica of the shard lives on for a part of its log. It may be lost.
	Pull(to metadata.NodeID, p *raft.Pull)
	// Flush tells that the turn's messages are all sent.
	Flush()
	// Changed tells that another view was published.
	Changed(*View)
	// Restored tells that the replica was given a snapshot, and all of the log that goes with it.
	Restored(s storage.ShardID, r storage.ReplicaID, index uint64)
	// Quarantine tells that the replica found a broken invariant or unreadable data and will do
	// nothing any more.
	Quarantine(s storage.ShardID, r storage.ReplicaID, cause error)
}

// Members says where the replicas of a shard live, in the order of preference: the first is the
// preferred leader. Those that leave are at the end.
type Members []Member

// Member is one replica of a shard.
type Member struct {
	Replica storage.ReplicaID
	Node    metadata.NodeID
	Role    metadata.Role
	Pending bool // the shard has not been seen with it in its role
	Leaving bool
}

// Of returns the members of a partition.
func Of(p *metadata.Partition) Members {
	members := make(Members, 0, len(p.Replicas)+len(p.Leaving))
	for _, r := range p.Replicas {
		members = append(members, Member{r.ID, r.Node, r.Role, r.Pending, false})
	}
	for _, r := range p.Leaving {
		members = append(members, Member{r.ID, r.Node, r.Role, r.Pending, true})
	}
	return members
}

// content is what a shard is about: it turns requests into entries and results into answers. Owned
// by the actor.
type content interface {
	// opened tells up to which entry the state reaches that the machine was restored from: a
	// checkpoint, or later a leader's snapshot, which replaces all that was applied before.
	opened(applied uint64)
	// lead begins a leadership: what is staged starts from the whole log.
	lead(term uint64)
	// request takes a message that is not the actor's own; false if it does not know it.
	request(m any) bool
	// propose returns the entries for the requests taken since. Empty if there is nothing to append.
	propose() [][]byte
	// proposed tells where the entries of the last propose went.
	proposed(first, term uint64)
	// recycle gives the buffers of proposed entries back: raft has its own copy.
	recycle(entries [][]byte)
	// leadershipChecks are the answers that wait until it is sure that this replica leads.
	leadershipChecks() *leadershipChecks
	// dropped tells that raft refused them.
	dropped()
	// applied brings a committed entry and the machine's result.
	applied(raft.Applied)
	// answer answers the requests that what was applied completes, once a view shows it: who has an
	// answer finds what it tells.
	answer()
	// refuse answers all requests that wait, in the log or not: this replica does not lead any more.
	refuse(cause *protocol.Error)
	// stopped tells that the actor is gone: what was taken for the whole node is given back.
	stopped()
	// size is about how many bytes of entries are kept.
	size() int64
	// view fills in what the machine knows, for a view of the given role.
	view(v *View)
	// standing fills in what the content knows.
	standing(*Standing)
}

// Actor hosts one raft.Replica: it feeds it what arrived, performs its effects and publishes views.
// Its methods are called by the actor's mailbox alone.
type Actor struct {
	node    Node
	ref     *Ref
	self    metadata.NodeID
	members Members // also published in ref
	// strangers are the nodes of replicas that were heard of and are not among the members as this
	// node's metadata have them: they may be old.
	strangers map[storage.ReplicaID]metadata.NodeID
	change    change

	replica *raft.Replica
	content content
	clock   *clock
	gauge   gauge
	traces  *traces
	broken  error

	refusal   *protocol.Error // see notLeader
	refusalOf storage.ReplicaID

	status  raft.Status // as of the end of the last turn
	inSync  []storage.ReplicaID
	next    View // what was shown last, or would have been had it been new
	eager   eager
	ticks   uint64
	resting bool // the node drains: do not look for leaderships
	waiting []*Checkpoint

	idle   *idle             // also in ref; nil while something happens
	beaten bool              // the turn under way is one in which the replica may become idle
	heard  []*raftpb.Message // while it was idle, and not stepped yet
}

// Ref is the handle that the rest of the node has of the replica.
func (a *Actor) Ref() *Ref { return a.ref }

// Name is the actor's name on its node.
func (a *Actor) Name() string { return fmt.Sprintf("replica-%d", a.ref.Replica) }

// Turn implements actors.Actor: everything that arrived since the last turn.
func (a *Actor) Turn(messages []any) {
	a.clock.begin()
	a.wake()
	if a.broken == nil {
		a.take(messages)
	}
	if a.broken != nil {
		a.refuseAll(messages)
		a.answerObservers()
		return
	}
	a.settle()
	a.ref.hurries.Store(a.replica.Handing())
	a.doze()
	a.node.Flush()
	a.answerObservers()
}

func (a *Actor) take(messages []any) {
	for _, m := range messages {
		if err := a.one(m); err != nil {
			a.quarantine(err)
			return
		}
	}
}

func (a *Actor) one(message any) error {
	switch m := message.(type) {
	case *Step:
		a.gauge.stepped(m.Message, a.status.Applied, a.clock.turn)
		a.traces.follow(m)
		a.meet(m)
		a.beaten = a.beaten || m.Message.GetType() == raftpb.MsgHeartbeat
		return a.replica.Step(m.Message)
	case *written:
		kind, given := a.clock.written()
		a.gauge.durable(kind, given, a.clock.turn)
		a.traces.written()
		return a.replica.Written()
	case *Tick:
		return a.tick(m.Ticks)
	case *Unreachable:
		a.replica.Unreachable(m.To)
		a.replica.SnapshotSent(m.To, false)
	case *Pulled:
		return a.replica.Chunk(m.Chunk)
	case *Lend:
		a.replica.PulledFrom(m.To, m.Next)
	case *Damaged:
		return m.Cause
	case *Lost:
		a.replica.SnapshotSent(m.To, false)
	case *Down:
		a.down(m.Node)
	case *Transfer:
		a.transfer(m.To)
	case *Checkpoint:
		return a.checkpoint(m)
	case *Rest:
		a.resting = m.On
	case *Observe:
		a.gauge.asked = append(a.gauge.asked, m)
	case *start:
		a.seek(nobody)
	case *Moved:
		a.moved(m)
	default:
		if !a.content.request(message) {
			panic("replica: unknown message")
		}
	}
	return nil
}

// settle performs what the messages led to and shows it, then proposes the requests among them.
func (a *Actor) settle() {
	if !a.perform() {
		return
	}
	a.show()
	switch {
	case a.status.Role != raft.Leader:
		a.content.refuse(a.notLeader())
	case a.status.Transferee == 0: // else the requests wait for what becomes of it
		a.propose()
	}
	if a.broken == nil {
		a.show()
		a.checkpointed()
	}
}

// show publishes what was applied, and only then answers who waits for it.
func (a *Actor) show() {
	a.publish()
	a.content.answer()
}

// perform runs the effects of the replica; false if it broke.
func (a *Actor) perform() bool {
	fx, err := a.replica.Ready()
	a.effects(fx)
	if err != nil {
		a.quarantine(err)
		return false
	}
	return true
}

func (a *Actor) effects(fx raft.Effects) {
	for _, m := range fx.Messages {
		a.send(m)
	}
	for _, p := range fx.Pulls {
		if node := a.nodeOf(p.To); node != nobody {
			a.node.Pull(node, p)
		}
	}
	for _, w := range fx.Writes {
		a.clock.given(w.State.Last.Index, a.gauge.gave(&w))
		a.node.Write(journal.Write{Append: w, Times: a.traces.times(&w), Done: func() { a.ref.send(wasWritten) }, Refused: func(err error) { a.ref.send(&Damaged{Cause: err}) }})
	}
	before := a.status
	a.status = a.replica.Status()
	if a.status.Term != before.Term || a.status.Role != before.Role {
		a.turned(before)
	}
	if fx.Restored != 0 {
		a.content.opened(fx.Restored)
		a.node.Restored(a.ref.Shard, a.ref.Replica, fx.Restored)
	}
	for _, e := range fx.Applied {
		a.content.applied(e)
	}
	if fx.Confirmed != 0 {
		a.content.leadershipChecks().confirmed(fx.Confirmed)
	}
	a.gauge.applied(len(fx.Applied), a.replica.Members())
	if n := len(fx.Applied); n > 0 {
		a.clock.applied(fx.Applied[n-1].Index)
		a.traces.applied(fx.Applied[n-1].Index, a.clock.turn)
	}
}

// turned handles a change of role or term before anything of the new term is staged.
func (a *Actor) turned(before raft.Status) {
	a.gauge.turned(before, a.status, a.clock.turn)
	a.traces.turned(before, a.status)
	if before.Role == raft.Leader {
		a.clock.deposed()
		a.content.refuse(a.notLeader())
	}
	if a.status.Role == raft.Leader {
		a.content.lead(a.status.Term)
		a.inSync = a.replica.InSync()
	}
	if before.Leader != 0 && a.status.Leader == 0 {
		a.bereaved()
	}
}

func (a *Actor) send(m *raftpb.Message) {
	a.gauge.sent(m)
	to := storage.ReplicaID(m.GetTo())
	if node := a.nodeOf(to); node != nobody {
		a.node.Send(node, remote.Raft{Shard: a.ref.Shard, Message: m, Marks: a.traces.of(m)})
		return
	}
	a.replica.Unreachable(to)
}

// propose appends the entries of the requests that were taken.
func (a *Actor) propose() {
	data := a.content.propose()
	if d := a.content.leadershipChecks(); d.open() {
		d.asked(a.replica.Confirm())
		a.perform()
	}
	if len(data) == 0 || a.broken != nil {
		a.traces.staged = nil
		return
	}
	first, ok := a.replica.Propose(data...)
	if !ok {
		a.content.dropped()
		a.traces.staged = nil
		return
	}
	a.content.proposed(first, a.status.Term)
	a.traces.proposed(first, a.status.Term, data)
	a.perform()
	a.traces.handedOver()
	a.gauge.ages.note(first, a.clock.turn)
	a.clock.proposed(first+uint64(len(data))-1, data)
	a.content.recycle(data)
}

// notLeader is what requests are refused with while another replica leads. A follower asks for it
// every turn.
func (a *Actor) notLeader() *protocol.Error {
	if a.refusal == nil || a.refusalOf != a.status.Leader {
		a.refusal, a.refusalOf = notLeader(a.status.Leader), a.status.Leader
	}
	return a.refusal
}

// quarantine ends the replica: from now on it answers nothing but refusals, and never votes or
// acknowledges again.
func (a *Actor) quarantine(err error) {
	a.broken = err
	shown := *a.ref.View()
	shown.Role, shown.Leader, shown.InSync = Candidate, 0, nil
	shown.chunks = nil // what is in the store is not read any more either: the node has it distrusted
	a.ref.publish(&shown)
	a.node.Changed(&shown)
	a.content.refuse(errQuarantined(err))
	a.node.Quarantine(a.ref.Shard, a.ref.Replica, err)
}

func (a *Actor) refuseAll(messages []any) {
	for _, m := range messages {
		switch m := m.(type) {
		case *Checkpoint:
			m.Done()
			continue
		case *Observe:
			a.gauge.asked = append(a.gauge.asked, m)
			continue
		}
		if !own(m) {
			a.content.request(m)
		}
	}
	a.content.refuse(errQuarantined(a.broken))
}

func own(m any) bool {
	switch m.(type) {
	case *Step, *written, *Tick, *Unreachable, *Pulled, *Lend, *Lost, *Damaged, *Down, *Transfer, *Rest, *Moved, *start:
		return true
	}
	return false
}

// Stopped implements actors.Actor: what still waits is refused.
func (a *Actor) Stopped() {
	a.wake()
	a.content.refuse(notLeader(0))
	for _, c := range a.waiting {
		c.Done()
	}
	a.waiting = nil
	a.content.stopped()
	a.gauge.meters.stopped(a.stands().Counts)
}
