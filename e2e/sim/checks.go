package sim

import (
	"maps"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// checks is what the invariants are held against: everything that was ever committed, shown and
// given out.
type checks struct {
	shards    map[storage.ShardID]*shadow
	replicas  map[storage.ReplicaID]owner // every replica id ever given out
	forgotten map[storage.ReplicaID]string
	cluster   string
	newest    uint64 // index of the newest metadata that was looked at
	damaged   map[place]bool
	votes     map[vote]uint64
}

// vote is a replica's in a term.
type vote struct {
	shard   storage.ShardID
	replica storage.ReplicaID
	term    uint64
}

// place is an entry on one replica's disk.
type place struct {
	replica storage.ReplicaID
	index   uint64
}

// owner is what a replica id was given out for.
type owner struct {
	shard storage.ShardID
	node  metadata.NodeID
}

// shadow is what a shard has shown of itself.
type shadow struct {
	topic   metadata.TopicID
	members map[storage.ReplicaID]metadata.NodeID
	start   int64                  // highest offset that a leader showed as the log's start
	sealed  map[uint64]memory.Seal // committed entries
	leaders map[uint64]storage.ReplicaID
	// by epoch: the members by which its leader counts, as of its newest view, and before
	led   map[int32][2]*raftpb.ConfState
	marks []mark // of the leaderships that were shown, in order of epoch
}

// mark is how far a leadership showed its log.
type mark struct {
	epoch       int32
	first, high int64
}

func newChecks() *checks {
	return &checks{
		shards: make(map[storage.ShardID]*shadow), replicas: make(map[storage.ReplicaID]owner),
		forgotten: make(map[storage.ReplicaID]string), damaged: make(map[place]bool), votes: make(map[vote]uint64),
	}
}

func (c *checks) shard(s storage.ShardID) *shadow {
	k := c.shards[s]
	if k == nil {
		k = &shadow{members: make(map[storage.ReplicaID]metadata.NodeID), sealed: make(map[uint64]memory.Seal), leaders: make(map[uint64]storage.ReplicaID), led: make(map[int32][2]*raftpb.ConfState)}
		c.shards[s] = k
	}
	return k
}

// sending looks at a raft message that leaves a process.
func (w *World) sending(p *process, m remote.Raft) {
	from := storage.ReplicaID(m.Message.GetFrom())
	switch m.Message.GetType() {
	case raftpb.MsgApp, raftpb.MsgHeartbeat, raftpb.MsgSnap:
		w.leads(m.Shard, m.Message.GetTerm(), from)
	case raftpb.MsgVote:
		// or the votes would count for who stands once more in this term, with less of a log
		w.holds(p, m, "asks for votes")
	case raftpb.MsgVoteResp:
		if !m.Message.GetReject() {
			w.remembers(m.Shard, from, "votes")
			w.voting(p, m)
		}
	case raftpb.MsgAppResp:
		if !m.Message.GetReject() {
			w.remembers(m.Shard, from, "acknowledges")
			w.holds(p, m, "acknowledges")
		}
	}
}

// holds checks that a replica's disk holds the term and the entries that it speaks of.
func (w *World) holds(p *process, m remote.Raft, does string) {
	s, ok := p.machine.disk.store.State(memory.Durable, storage.ReplicaID(m.Message.GetFrom()))
	term := m.Message.GetTerm()
	if !ok || s.Term < term || s.Term == term && s.Last.Index < m.Message.GetIndex() {
		w.violate(DurableFirst, "replica %d of shard %d %s in term %d with entries up to %d, on its disk are term %d and entries up to %d",
			m.Message.GetFrom(), m.Shard, does, term, m.Message.GetIndex(), s.Term, s.Last.Index)
	}
}

// voting checks that a replica's disk holds the vote that it gives, and that it gave no other.
func (w *World) voting(p *process, m remote.Raft) {
	term, from, to := m.Message.GetTerm(), storage.ReplicaID(m.Message.GetFrom()), m.Message.GetTo()
	w.votes(m.Shard, term, from, to)
	s, ok := p.machine.disk.store.State(memory.Durable, from)
	if !ok || s.Term < term || s.Term == term && s.Vote != to {
		w.violate(DurableFirst, "replica %d of shard %d votes for %d in term %d, on its disk is term %d, vote %d", from, m.Shard, to, term, s.Term, s.Vote)
	}
}

// received looks at a raft message that reaches a process.
func (w *World) received(_ *process, m remote.Raft) {
	w.mix(uint64(m.Shard)<<32 | uint64(m.Message.GetType()))
	w.mix(m.Message.GetTo() ^ m.Message.GetFrom()<<20)
	w.mix(m.Message.GetTerm()<<32 | m.Message.GetIndex())
	w.mix(m.Message.GetCommit()<<16 | uint64(len(m.Message.GetEntries())))
}

func (w *World) leads(s storage.ShardID, term uint64, r storage.ReplicaID) {
	leaders := w.checks.shard(s).leaders
	if other, ok := leaders[term]; ok && other != r {
		w.violate(OneLeader, "replicas %d and %d both lead shard %d in term %d", other, r, s, term)
	}
	leaders[term] = r
}

// votes holds a vote against those that the replica gave before: one a term.
func (w *World) votes(s storage.ShardID, term uint64, r storage.ReplicaID, to uint64) {
	key := vote{s, r, term}
	if before, ok := w.checks.votes[key]; ok && before != to {
		w.violate(OneLeader, "replica %d of shard %d votes for %d in term %d, before it voted for %d", r, s, to, term, before)
	}
	w.checks.votes[key] = to
}

// remembers holds what a replica does against what its disk lost.
func (w *World) remembers(s storage.ShardID, r storage.ReplicaID, does string) {
	if why := w.checks.forgotten[r]; why != "" {
		w.violate(Forgetful, "replica %d of shard %d %s, although %s", r, s, does, why)
	}
}

// seen is what was looked at of an actor.
type seen struct {
	ref     *replica.Ref
	view    *replica.View
	before  *replica.View // the one before
	applied uint64
}

// turned looks at what an actor shows after its turn.
func (w *World) turned(m *mailbox) {
	a, ok := m.actor.(*replica.Actor)
	if !ok {
		return
	}
	if m.seen.ref == nil {
		m.seen.ref = a.Ref()
	}
	v := m.seen.ref.View()
	if v == m.seen.view {
		return
	}
	before := m.seen.view
	m.seen.view, m.seen.before = v, before
	w.mix(uint64(v.Epoch)<<32 | uint64(v.HighWatermark))
	w.shown(m.process, v, before)
	w.committed(m, v)
	if v.Shard == metadata.MetaShard {
		w.imaged(m.process)
	}
}

// shown checks a view against those that were shown before.
func (w *World) shown(p *process, v, before *replica.View) {
	k := w.checks.shard(v.Shard)
	if before != nil && (v.HighWatermark < before.HighWatermark || v.LastStable < before.LastStable || v.LogStart < before.LogStart) {
		w.violate(NeverBack, "%s shows shard %d from %d to %d (stable %d) after %d to %d (stable %d)", p.name(), v.Shard,
			v.LogStart, v.HighWatermark, v.LastStable, before.LogStart, before.HighWatermark, before.LastStable)
	}
	if v.Role != replica.Leader {
		return
	}
	if before == nil || before.Role != replica.Leader || before.Epoch != v.Epoch {
		w.event(p, "leads shard %d in epoch %d, shows up to %d", v.Shard, v.Epoch, v.HighWatermark)
	}
	if v.LogStart > k.start {
		w.trimmed(p, v, k.start)
		k.start = v.LogStart
	}
	w.leads(v.Shard, uint64(v.Epoch), v.Replica)
	if led := k.led[v.Epoch]; led[0] != v.Conf {
		k.led[v.Epoch] = [2]*raftpb.ConfState{v.Conf, led[0]}
	}
	k.show(w, p, v)
}

// show holds a leader's high watermark against other epochs': what a later leader begins with is at
// least all that earlier ones ever show.
func (k *shadow) show(w *World, p *process, v *replica.View) {
	at := len(k.marks)
	for at > 0 && k.marks[at-1].epoch >= v.Epoch {
		at--
	}
	if at == len(k.marks) || k.marks[at].epoch != v.Epoch {
		k.marks = append(k.marks, mark{})
		copy(k.marks[at+1:], k.marks[at:])
		k.marks[at] = mark{v.Epoch, v.HighWatermark, v.HighWatermark}
	}
	k.marks[at].high = max(k.marks[at].high, v.HighWatermark)
	if at > 0 && k.marks[at-1].high > k.marks[at].first {
		w.violate(NeverBack, "%s begins to lead shard %d in epoch %d with high watermark %d, epoch %d showed %d", p.name(), v.Shard, v.Epoch,
			k.marks[at].first, k.marks[at-1].epoch, k.marks[at-1].high)
	}
	if at+1 < len(k.marks) && v.HighWatermark > k.marks[at+1].first {
		w.violate(NeverBack, "%s shows %d of shard %d in epoch %d, but epoch %d began with %d", p.name(), v.HighWatermark, v.Shard, v.Epoch,
			k.marks[at+1].epoch, k.marks[at+1].first)
	}
}

// committed looks at the entries that a view shows and the last one did not.
func (w *World) committed(m *mailbox, v *replica.View) {
	last := v.Applied()
	if v.Shard == metadata.MetaShard {
		last = uint64(v.HighWatermark)
	}
	store := m.process.machine.disk.store
	first := m.seen.applied + 1
	if m.seen.applied == 0 {
		if s, ok := store.State(memory.Live, v.Replica); ok {
			first = s.Start.Index + 1
		}
	}
	k := w.checks.shard(v.Shard)
	for i := first; i <= last; i++ {
		if w.checks.damaged[place{v.Replica, i}] {
			continue
		}
		seal, ok := store.Seal(memory.Live, v.Replica, i)
		if !ok {
			continue // compacted, or brought by a snapshot
		}
		known, there := k.sealed[i]
		switch {
		case !there:
			k.sealed[i] = memory.Seal{Term: seal.Term, Type: seal.Type, CRC: seal.CRC}
			w.mix(seal.Term<<32 | uint64(seal.CRC))
			w.durable(v, m.seen.before, i, seal)
		case known.Term != seal.Term || known.CRC != seal.CRC || known.Type != seal.Type:
			w.violate(SameBytes, "entry %d of shard %d is of term %d on replica %d, of term %d elsewhere, or of other bytes", i, v.Shard, seal.Term, v.Replica, known.Term)
		}
	}
	m.seen.applied = max(m.seen.applied, last)
}

// durable counts where an entry that was just shown to be committed would survive the loss of all
// power. It was committed by the members of its time: those that its leader counted by, which may
// be behind the view's (a leader with a slow disk applies a change of members after its followers),
// or those of the view, or of the one before.
func (w *World) durable(v, before *replica.View, index uint64, seal memory.Seal) {
	confs := []*raftpb.ConfState{v.Conf}
	if before != nil && before.Conf != v.Conf {
		confs = append(confs, before.Conf)
	}
	k := w.checks.shard(v.Shard)
	for epoch := int32(seal.Term); epoch <= v.Epoch; epoch++ {
		for _, c := range k.led[epoch] {
			if c != nil {
				confs = append(confs, c)
			}
		}
	}
	have := w.holders(v.Shard, index, seal)
	if w.checks.shard(v.Shard).topic == (metadata.TopicID{}) && v.Shard != metadata.MetaShard {
		return // no image that was looked at has the shard yet
	}
	for _, c := range confs {
		if majority(c.GetVoters(), have) && (len(c.GetVotersOutgoing()) == 0 || majority(c.GetVotersOutgoing(), have)) {
			return
		}
	}
	w.violate(DurableFirst, "entry %d of shard %d is shown as committed by replica %d, and durable on %v of %v", index, v.Shard, v.Replica, have, v.Conf)
}

func majority(of []uint64, have []storage.ReplicaID) bool {
	n := 0
	for _, r := range of {
		if slices.Contains(have, storage.ReplicaID(r)) {
			n++
		}
	}
	return n > len(of)/2
}

// holders are the replicas of a shard that hold an entry, or have no need of it any more, whatever
// happens to the power.
func (w *World) holders(s storage.ShardID, index uint64, seal memory.Seal) (have []storage.ReplicaID) {
	members := w.checks.shard(s).members
	for _, r := range slices.Sorted(maps.Keys(members)) {
		store := w.machines[members[r]].disk.store
		// it was deleted or moved, and this node has heard of it, or it had the entry until its disk was
		// tampered with
		if store.Removed(r) || w.checks.forgotten[r] != "" {
			have = append(have, r)
			continue
		}
		there, ok := store.Seal(memory.Durable, r, index)
		state, known := store.State(memory.Durable, r)
		if known && (ok && there.Term == seal.Term && there.CRC == seal.CRC && state.Term >= seal.Term || state.Start.Index >= index) {
			have = append(have, r)
		}
	}
	return have
}

// imaged looks at a new image of the metadata.
func (w *World) imaged(p *process) {
	if p.node == nil {
		return
	}
	i := p.node.Image()
	if i == p.image {
		return
	}
	p.image = i
	if i.ClusterID != "" {
		if w.checks.cluster == "" {
			w.checks.cluster = i.ClusterID
		}
		if i.ClusterID != w.checks.cluster {
			w.violate(OneCluster, "%s belongs to cluster %s, others to %s", p.name(), i.ClusterID, w.checks.cluster)
		}
	}
	newest := i.Index > w.checks.newest
	w.checks.newest = max(w.checks.newest, i.Index)
	for _, t := range i.Topics {
		for _, part := range t.Partitions {
			w.placed(t.ID, part)
			if newest {
				w.counted(i, part)
			}
		}
	}
	if i.Meta != nil {
		w.placed(metadata.TopicID{}, i.Meta)
	}
}

// counted holds the replicas that the newest metadata counts against the disks: nobody may have
// deleted one.
func (w *World) counted(i *metadata.Image, part *metadata.Partition) {
	for _, r := range part.Members() {
		if m := w.machines[r.Node]; !i.Lost(r) && w.checks.forgotten[r.ID] == "" && m.disk.store.Removed(r.ID) {
			w.violate(DurableFirst, "%s has deleted replica %d of %s-%d, whose shard may still count on it", m.name(), r.ID, part.Topic, part.Index)
		}
	}
}

// placed holds a partition's ids against all that were given out.
func (w *World) placed(topic metadata.TopicID, part *metadata.Partition) {
	k := w.checks.shard(part.Shard)
	if k.topic == (metadata.TopicID{}) {
		k.topic = topic
	}
	if k.topic != topic {
		w.violate(FreshIDs, "shard %d was given to topic %x and to %x", part.Shard, k.topic, topic)
	}
	for _, r := range part.Replicas {
		o, known := w.checks.replicas[r.ID]
		if !known {
			w.checks.replicas[r.ID] = owner{part.Shard, r.Node}
			k.members[r.ID] = r.Node
		} else if o != (owner{part.Shard, r.Node}) {
			w.violate(FreshIDs, "replica id %d was given to shard %d on n%d and to shard %d on n%d", r.ID, o.shard, o.node, part.Shard, r.Node)
		}
	}
}
