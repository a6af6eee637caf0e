package replica

import (
	"slices"

	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Rest tells a replica whether its node drains: it then hands leadership over and does not look for
// it.
type Rest struct{ On bool }

// isrTicks is how often a leader looks who is in sync, in ticks.
const isrTicks = 2

// eager is the short way to a leader when there is known to be none: replicas campaign one after
// another in the order of preference instead of waiting for an election timeout, the first at once.
type eager struct {
	on    bool
	wait  int // ticks to the next try
	again int // ticks from the next try to the one after it
}

// nobody is no node.
const nobody metadata.NodeID = -1

// Ticks between the first tries of two neighbours in rank, and between two tries of one replica.
// The first in rank tries again at once: its first try fails if the others are not there yet or
// have not noticed yet that the leader is gone. When a shard begins, the next waits longer for it,
// because a leader that is not the preferred one would hand over a moment later, in the middle of
// the clients' first requests.
//
// Every try gets twice the time of the one before, for a new one ends the one under way: on a node
// that has thousands of shards without a leader and no time for all, tries at a fixed distance
// would keep one another from ending.
const (
	eagerStep  = 2
	firstStep  = 5
	firstAgain = 1
	eagerAgain = 6
	mostAgain  = 24
)

func (a *Actor) tick(n int) error {
	if err := a.catchUp(); err != nil {
		return err
	}
	a.beaten = a.status.Role == raft.Leader
	for range n {
		a.ticks++
		a.replica.Tick()
		if a.status.Role == raft.Leader && a.ticks%isrTicks == 0 {
			a.inSync = a.replica.InSync()
		}
		a.lookForLeader()
		a.stepMembers()
	}
	return nil
}

// lookForLeader campaigns when it is this replica's turn.
func (a *Actor) lookForLeader() {
	if !a.eager.on {
		return
	}
	if a.status.Leader != 0 || a.resting {
		a.eager.on = false
		return
	}
	if a.eager.wait--; a.eager.wait <= 0 {
		a.eager.wait, a.eager.again = a.eager.again, min(2*a.eager.again, mostAgain)
		a.replica.Campaign()
	}
}

// seek begins to look for a leader. skip is a node whose replicas are known to be down.
func (a *Actor) seek(skip metadata.NodeID) {
	rank := 0
	for _, m := range a.members {
		if m.Replica == a.ref.Replica {
			break
		}
		if m.Node != skip {
			rank++
		}
	}
	step := eagerStep
	if skip == nobody {
		step = firstStep
	}
	a.eager = eager{on: true, wait: rank * step, again: eagerAgain}
	if rank == 0 && !a.resting {
		a.eager.wait, a.eager.again = firstAgain, firstAgain
		a.replica.Campaign()
	}
}

// patience is how many ticks an election is given that another replica has begun.
const patience = 3

// bereaved looks for a leader soon if the election comes to nothing for whose sake this replica has
// just forgotten its leader. An election timeout would be twelve ticks and more, in which the shard
// does nothing.
func (a *Actor) bereaved() {
	rank := slices.IndexFunc(a.members, func(m Member) bool { return m.Replica == a.ref.Replica })
	a.eager = eager{on: true, wait: patience + max(rank, 0)*eagerStep, again: eagerAgain}
}

// down looks for a new leader if the present one lived on a node that is gone.
func (a *Actor) down(node metadata.NodeID) {
	if a.status.Role == raft.Leader || a.status.Leader == 0 || a.nodeOf(a.status.Leader) != node {
		return
	}
	a.replica.ForgetLeader()
	a.status.Leader = 0
	a.seek(node)
}

// nodeOf returns the node of a replica, nobody if it is unknown.
func (a *Actor) nodeOf(r storage.ReplicaID) metadata.NodeID {
	if node := a.members.NodeOf(r); node != nobody {
		return node
	}
	if node, met := a.strangers[r]; met {
		return node
	}
	return nobody
}

// meet remembers where a replica sends from that the metadata here do not know yet. It may lead the
// very shard that would bring newer ones, and only gets there if it is answered.
func (a *Actor) meet(m *Step) {
	from := storage.ReplicaID(m.Message.GetFrom())
	if a.members.NodeOf(from) != nobody {
		return
	}
	if a.strangers == nil {
		a.strangers = make(map[storage.ReplicaID]metadata.NodeID)
	}
	a.strangers[from] = m.From
}

// transfer hands leadership over; without a target to the replica in sync whose log is longest.
func (a *Actor) transfer(to storage.ReplicaID) {
	if a.status.Role != raft.Leader {
		return
	}
	if to == 0 {
		to = a.furthest()
	}
	if to != 0 && to != a.ref.Replica {
		a.replica.Transfer(to)
	}
}

func (a *Actor) furthest() storage.ReplicaID {
	var best raft.Progress
	for _, p := range a.replica.Progress() {
		if p.Replica != a.ref.Replica && !p.Learner && p.Match >= best.Match && slices.Contains(a.inSync, p.Replica) {
			best = p
		}
	}
	return best.Replica
}

// checkpoint writes a checkpoint and answers when all is durable.
func (a *Actor) checkpoint(c *Checkpoint) error {
	a.waiting = append(a.waiting, c)
	fx, err := a.replica.Checkpoint()
	a.effects(fx)
	return err
}

func (a *Actor) checkpointed() {
	if len(a.waiting) == 0 || !a.replica.Durable() {
		return
	}
	for _, c := range a.waiting {
		c.Done()
	}
	a.waiting = nil
}
