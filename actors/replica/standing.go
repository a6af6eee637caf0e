package replica

import (
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Observe asks a replica where it stands. Nothing is kept ready for those who observe: a replica
// that nobody asks pays for plain counters only.
type Observe struct {
	// Done is called once, on the actor's turn, unless the replica stops before. It must not block.
	Done func(Standing)
	// Gone is called instead of Done if the replica has stopped; it may be nil.
	Gone func()
}

// Standing is where a replica stands, as of the end of a turn. Not to be changed.
type Standing struct {
	Shard   storage.ShardID
	Replica storage.ReplicaID

	raft.Status
	Broken    bool   // it is quarantined
	Start     uint64 // entries up to this one are gone
	InSync    int    // on a leader that serves: replicas within reach of its log
	Members   int    // of the shard: voters and learners
	Voters    int
	Waiting   int // requests taken and not answered
	Votes     int // in its last election, its own among them
	Followers []FollowerStanding

	TailBytes int   // of committed records in memory
	LogBytes  int64 // of the log that is kept, to what a mark is apart; -1 if it is not known
	// of the newest snapshot taken or received since the replica was opened, 0 if there is none
	SnapshotIndex uint64
	SnapshotBytes int
	Counts        Counts
}

// FollowerStanding is how far a leader knows a follower to be.
type FollowerStanding struct {
	Replica storage.ReplicaID
	Node    metadata.NodeID // -1 if unknown
	Learner bool
	InReach bool          // heard of lately
	Lag     uint64        // entries of the leader's log that it is not known to have
	Behind  time.Duration // for how long the oldest of them has been in the log
}

// gauge counts what a replica does, for Observe. The actor owns it.
type gauge struct {
	meters  *Meters
	counts  Counts
	ages    ages
	start   uint64
	conf    *raftpb.ConfState
	stood   stages.Moment // when it stood for election, 0 while it does not
	votes   int
	votesIn uint64 // the term of those votes
	// index of a snapshot that a leader sent and that is not in force yet, 0 if there is none
	offered  uint64
	offer    stages.Moment // when it came
	snapshot uint64
	bytes    int
	asked    []*Observe
}

// stepped counts a message of another replica.
func (g *gauge) stepped(m *raftpb.Message, applied uint64, turn stages.Moment) {
	switch m.GetType() {
	case raftpb.MsgApp:
		g.counts.AppendsReceived++
	case raftpb.MsgAppResp:
		if m.GetReject() {
			g.counts.AppendsRejected++
		}
	case raftpb.MsgVoteResp:
		if !m.GetReject() {
			g.vote(m.GetTerm())
			g.votes++
		}
	case raftpb.MsgSnap:
		if at := m.GetSnapshot().GetMetadata().GetIndex(); at > applied && at != g.offered {
			g.offered, g.offer = at, turn
		}
	}
}

// vote begins to count an election's votes with the candidate's own.
func (g *gauge) vote(term uint64) {
	if g.votesIn < term {
		g.votesIn, g.votes = term, 1
	}
}

// sent counts a message to another replica.
func (g *gauge) sent(m *raftpb.Message) {
	switch m.GetType() {
	case raftpb.MsgApp:
		g.counts.AppendsSent++
		if len(m.Entries) > 0 && g.meters != nil {
			n := 0
			for _, e := range m.Entries {
				n += len(e.Data)
			}
			g.meters.AppendBytes.Record(int64(n))
		}
	case raftpb.MsgSnap:
		g.counts.SnapshotsSent++
	}
}

// gave counts a write to the journal and tells what it is.
func (g *gauge) gave(w *storage.Append) writeKind {
	if w.State.Start.Index > g.start {
		g.start = w.State.Start.Index
		if g.offered == 0 {
			g.counts.Compactions++
		}
	}
	if w.Checkpoint == nil {
		return plainWrite
	}
	g.snapshot, g.bytes = w.Checkpoint.Index, len(w.Checkpoint.Machine)
	if g.meters != nil {
		g.meters.SnapshotBytes.Record(int64(g.bytes))
	}
	if g.offered != 0 && w.Checkpoint.Index >= g.offered {
		g.offered = 0
		g.counts.SnapshotsReceived++
		return snapshotReceived
	}
	g.counts.Snapshots++
	return snapshotTaken
}

// writeKind is what a write to the journal brings.
type writeKind uint8

const (
	plainWrite writeKind = iota
	snapshotTaken
	snapshotReceived
)

// durable tells how long a write took that was given in a turn that began then.
func (g *gauge) durable(k writeKind, given, now stages.Moment) {
	if g.meters == nil {
		return
	}
	switch k {
	case snapshotTaken:
		g.meters.SnapshotCreate.Record(given.To(now))
	case snapshotReceived:
		g.meters.SnapshotApply.Record(g.offer.To(now))
	}
}

// applied counts committed entries, and changes of members among them.
func (g *gauge) applied(n int, conf *raftpb.ConfState) {
	if conf != g.conf {
		if g.conf = conf; n > 0 {
			g.counts.ConfigChanges++
		}
	}
	if n > 0 {
		g.counts.Commits += uint64(n)
		if g.meters != nil {
			g.meters.CommitEntries.Record(int64(n))
		}
	}
}

// turned counts elections.
func (g *gauge) turned(before, after raft.Status, turn stages.Moment) {
	switch {
	case after.Role == raft.Leader && before.Role != raft.Leader:
		g.counts.Won++
		g.vote(after.Term)
		if g.stood == 0 {
			g.stood = turn // it had the only vote
		}
		if g.meters != nil {
			g.meters.Election.Record(g.stood.To(stages.Now()))
		}
		g.stood = 0
		g.ages.begin(turn)
	case after.Role == raft.Candidate && g.stood == 0:
		g.stood = turn
	case after.Role != raft.Candidate && g.stood != 0:
		g.stood = 0
		g.counts.Lost++
	}
}

// stands returns where the replica stands.
func (a *Actor) stands() Standing {
	g := &a.gauge
	conf := a.replica.Members()
	s := Standing{
		Shard: a.ref.Shard, Replica: a.ref.Replica,
		Status: a.status, Broken: a.broken != nil, Start: g.start,
		Voters: len(conf.GetVoters()), Members: len(conf.GetVoters()) + len(conf.GetLearners()),
		Votes:         g.votes,
		SnapshotIndex: g.snapshot, SnapshotBytes: g.bytes, Counts: g.counts,
	}
	a.content.standing(&s)
	s.Counts.FetchedBytes = a.ref.fetched.Load()
	if a.status.Established {
		s.InSync = len(a.inSync)
	}
	if a.broken != nil {
		return s
	}
	for _, p := range a.replica.Progress() {
		if p.Replica == a.ref.Replica {
			continue
		}
		f := FollowerStanding{Replica: p.Replica, Node: a.nodeOf(p.Replica), Learner: p.Learner, InReach: p.InReach}
		if p.Match < a.status.Last {
			f.Lag = a.status.Last - p.Match
			f.Behind = time.Duration(g.ages.of(p.Match + 1).To(stages.Now()))
		}
		s.Followers = append(s.Followers, f)
	}
	return s
}

// answerObservers tells who asked in this turn.
func (a *Actor) answerObservers() {
	if len(a.gauge.asked) == 0 {
		return
	}
	s := a.stands()
	for _, o := range a.gauge.asked {
		o.Done(s)
	}
	a.gauge.asked = nil
}

// ages tells since when entries are in a leader's log, to the hundredth of a second or to a
// fraction of their age.
type ages struct {
	samples  []age // in order, the first is the beginning of the leadership
	distance int64 // at least so many ns between two samples
}

type age struct {
	index uint64
	at    stages.Moment
}

const (
	agesKept     = 256
	agesDistance = int64(10 * time.Millisecond)
)

// begin begins a leadership: what is in the log already counts from now on.
func (g *ages) begin(now stages.Moment) {
	*g = ages{samples: append(g.samples[:0], age{0, now}), distance: agesDistance}
}

// note tells that entries from an index on are in the log since now.
func (g *ages) note(first uint64, now stages.Moment) {
	n := len(g.samples)
	if n == 0 || g.samples[n-1].at.To(now) < g.distance {
		return
	}
	if n == agesKept {
		kept := g.samples[:1]
		for i := 2; i < n; i += 2 {
			kept = append(kept, g.samples[i])
		}
		g.samples, g.distance = kept, 2*g.distance
	}
	g.samples = append(g.samples, age{first, now})
}

// of tells since when an entry is in the log: never later than it is.
func (g *ages) of(index uint64) stages.Moment {
	if len(g.samples) == 0 {
		return stages.Now()
	}
	n := len(g.samples)
	for n > 1 && g.samples[n-1].index > index {
		n--
	}
	return g.samples[n-1].at
}
