package replica

import (
	"slices"

	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Moved brings the shard's members after a change of metadata.
type Moved struct {
	Members Members
	Version uint64 // of the partition
}

// Membership is what members a shard has as one of its replicas knows it, and how a change of them
// stands. Immutable.
type Membership struct {
	raft.Membership
	Version  uint64          // of the partition whose members are wanted
	Leads    bool            // the rest is told by leaders only, and only while members change
	Last     uint64          // last entry of the log
	Start    uint64          // the log begins behind it
	Progress []raft.Progress // of every member
	Waits    string          // what the change waits for; empty if for nothing
	Refused  int             // proposed changes that raft turned into nothing, by this leader
	// on one that receives the log that goes with a snapshot: the last entry that came
	Pulled uint64
}

// membersTicks is how often a leader looks at its members, in ticks; bytesTicks how often a replica
// tells how large its log is.
const (
	membersTicks = 2
	bytesTicks   = 10
)

// change is the change of members that the metadata wants.
type change struct {
	version uint64
	wanted  raft.Wanted
	moving  bool // the metadata has not seen the members as wanted yet
	refused int
}

// wants takes what the metadata says.
func (c *change) wants(members Members, version uint64) {
	*c = change{version: version}
	for _, m := range members {
		switch {
		case m.Leaving:
		case m.Role == metadata.Voter:
			c.wanted.Voters = append(c.wanted.Voters, m.Replica)
		default:
			c.wanted.Learners = append(c.wanted.Learners, m.Replica)
		}
		c.moving = c.moving || m.Leaving || m.Pending
	}
}

func (a *Actor) moved(m *Moved) {
	a.members, a.strangers = m.Members, nil
	a.ref.members.Store(&m.Members)
	a.change.wants(m.Members, m.Version)
}

// stepMembers has a leader take the next step towards the wanted members, and shows how the members
// are.
func (a *Actor) stepMembers() {
	if a.ticks%bytesTicks == 0 {
		a.ref.bytes.Store(a.content.size())
	}
	if a.ticks%membersTicks != 0 || a.change.version == 0 {
		return
	}
	var r raft.Reconfigured
	if a.status.Role == raft.Leader && a.status.Transferee == 0 && a.due() {
		r = a.replica.Reconfigure(a.change.wanted)
		if r.Refused {
			a.change.refused++
		}
	}
	a.showGroup(r)
}

// due reports whether the members are not those wanted, or this leader is none of them.
func (a *Actor) due() bool {
	return !a.change.wanted.Is(a.replica.Members()) || !slices.Contains(a.change.wanted.Voters, a.ref.Replica)
}

// showGroup publishes how the members are, if that is news or changes with every look.
func (a *Actor) showGroup(r raft.Reconfigured) {
	now := a.replica.Membership()
	if a.membersShown(now) {
		return
	}
	g := &Membership{Membership: now, Version: a.change.version}
	if a.status.Role == raft.Leader && a.change.moving {
		g.Leads, g.Last, g.Start, g.Progress = true, a.status.Last, a.replica.LogStart(), a.replica.Progress()
		g.Waits, g.Refused = r.Waits, a.change.refused
	}
	if got, _, ok := a.replica.Pulling(); ok {
		g.Pulled = got
	}
	a.ref.membership.Store(g)
}

// membersShown reports whether what the others see of the members is how they are, and does not
// change with every look.
func (a *Actor) membersShown(now raft.Membership) bool {
	last := a.ref.membership.Load()
	return last != nil && !last.Leads && !a.change.moving && last.Conf == now.Conf && last.Durable == now.Durable && last.Version == a.change.version
}

// size implements content.
func (c *records) size() int64 { return c.machine.Bytes() }

// size implements content: the metadata is small.
func (c *commands) size() int64 { return 0 }

// NodeOf returns the node of a replica, nobody if it is unknown.
func (m Members) NodeOf(r storage.ReplicaID) metadata.NodeID {
	for _, member := range m {
		if member.Replica == r {
			return member.Node
		}
	}
	return nobody
}
