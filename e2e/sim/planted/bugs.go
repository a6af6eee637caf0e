package planted

// Bugs are all planted bugs. Which seeds find a bug changes whenever the code does, what share of
// them does hardly: Seeds is where a bug that is found at its share of seeds from 1000 to 1099,
// when the number was set, is missed by all with a chance of less than one in a thousand.
var Bugs = []Bug{
	{
		Name: "ack-before-sync", Seeds: 4, File: "raft/ready.go",
		Why: "a follower answers the leader before its own disk has the entries",
		Old: "	r.hand(w, fx)\n	return nil\n}\n\n// after delivers",
		New: `	if planted.Is("ack-before-sync") {
		early := w.responses
		w.responses = nil
		for _, m := range early {
			if m.GetTo() == uint64(r.id) {
				w.responses = append(w.responses, m)
			} else {
				r.out = append(r.out, m)
			}
		}
	}
	r.hand(w, fx)
	return nil
}

// after delivers`,
	},
	{
		Name: "unsynced-vote", Seeds: 4, File: "raft/ready.go",
		Why: "a vote is given without being written: hard state and entries are not one transaction",
		Old: "	voted := m.Term != nil &&",
		New: "	voted := !planted.Is(\"unsynced-vote\") && m.Term != nil &&",
	},
	{
		Name: "reordered-journal", Seeds: 4, File: "raft/ready.go",
		Why: "the journal's reports overtake one another",
		Old: "	w := r.inflight[0]\n",
		New: `	if n := len(r.inflight); planted.Is("reordered-journal") && n > 1 {
		r.inflight[0], r.inflight[n-1] = r.inflight[n-1], r.inflight[0]
	}
	w := r.inflight[0]
`,
	},
	{
		Name: "short-replay", Seeds: 8, File: "raft/replica.go",
		Why: "a long tail is not replayed to its end (found by the simulator's first run)",
		Old: "	for r.last < last {\n",
		New: "	for r.last < last && !(planted.Is(\"short-replay\") && r.last >= r.state.Last.Index) {\n",
	},
	{
		Name: "reused-replica-id", Seeds: 4, File: "raft/metadata/apply.go",
		Why: "a replica id is given out twice",
		Old: "			i.NextReplica++\n",
		New: "			if !planted.Is(\"reused-replica-id\") || i.NextReplica%4 != 0 {\n				i.NextReplica++\n			}\n",
	},
	{
		Name: "reused-shard-id", Seeds: 8, File: "raft/metadata/apply.go",
		Why: "a topic that is made anew shares its past's shards",
		Old: "		i.NextShard++\n",
		New: "		if !planted.Is(\"reused-shard-id\") || i.NextShard < FirstShard+2 {\n			i.NextShard++\n		}\n",
	},
	{
		Name: "stale-view", Seeds: 12, File: "actors/replica/publish.go",
		Why: "a leader serves before it has applied an entry of its own term",
		Old: "	case a.status.Established:\n		return Leader\n",
		New: "	case a.status.Established || planted.Is(\"stale-view\") && a.status.Role == raft.Leader:\n		return Leader\n",
	},
	{
		Name: "uncommitted-view", Seeds: 12, File: "actors/replica/records.go",
		Why: "consumers see what is not committed",
		Old: "	v.LastStable = c.machine.LastStable()\n",
		New: "	v.LastStable = c.machine.LastStable()\n	if planted.Is(\"uncommitted-view\") {\n		v.HighWatermark = c.machine.End()\n	}\n",
	},
	{
		Name: "ack-on-append", Seeds: 8, File: "actors/replica/records.go",
		Why: "a request is answered when its records are in the leader's log, as with acks=1",
		Old: "	c.wait(waiting{at.Until, done, m.Done})\n",
		New: "	if planted.Is(\"ack-on-append\") {\n		m.Done(done)\n		return\n	}\n	c.wait(waiting{at.Until, done, m.Done})\n",
	},
	{
		Name: "deposed-acks", Seeds: 60, File: "actors/replica/records.go",
		Why: "a deposed leader answers for what the next one wrote in the place of its own",
		Old: "func (c *records) fail(cause *protocol.Error) {\n",
		New: "func (c *records) fail(cause *protocol.Error) {\n	if planted.Is(\"deposed-acks\") {\n		return\n	}\n",
	},
	{
		Name: "truncation-forgets", Seeds: 140, File: "raft/partition/partition.go",
		Why: "a truncated tail stays in the machine: its offsets are counted although its entries are gone",
		Old: "	for n := len(p.tail); n > 0 && p.tail[n-1].index >= from; n = len(p.tail) {\n",
		New: "	if planted.Is(\"truncation-forgets\") && len(p.tail) > 0 && p.tail[len(p.tail)-1].index >= from {\n		p.tail[len(p.tail)-1].index = from - 1\n		return\n	}\n	for n := len(p.tail); n > 0 && p.tail[n-1].index >= from; n = len(p.tail) {\n",
	},
	{
		Name: "tail-not-deduplicated", Seeds: 8, File: "raft/partition/stage.go",
		Why: "a leader checks sequences against what is committed, not against its uncommitted tail",
		Old: "	if known, ok := p.staged.producers[id]; ok {\n		return known\n",
		New: "	if known, ok := p.staged.producers[id]; ok && !planted.Is(\"tail-not-deduplicated\") {\n		return known\n",
	},
	{
		Name: "lead-from-commit", Seeds: 20, File: "raft/partition/stage.go",
		Why: "a new leader gives out offsets from the high watermark on, not from the end of its log",
		Old: "	s.next, s.maxTime = p.End(), p.endTime()\n",
		New: "	s.next, s.maxTime = p.End(), p.endTime()\n	if planted.Is(\"lead-from-commit\") {\n		s.next = p.next\n	}\n",
	},
	{
		Name: "impatient-founder", Seeds: 16, File: "actors/node/bootstrap.go",
		Why: "a node founds the cluster before all expected nodes have answered",
		Old: "	return decision{found: len(wait) == 0, founders: founders, wait: wait}, nil\n",
		New: "	return decision{found: len(wait) == 0 || planted.Is(\"impatient-founder\") && len(wait) < len(expected)/2+1, founders: founders, wait: wait}, nil\n",
	},
	{
		Name: "rotten-votes", Seeds: 40, File: "storage/memory/crash.go",
		Why: "a replica whose log has holes is not noticed, and votes",
		Old: "func (r *replica) prove() error {\n",
		New: "func (r *replica) prove() error {\n	if planted.Is(\"rotten-votes\") {\n		return nil\n	}\n",
	},
	{
		Name: "clamped-commit", Seeds: 32, File: "storage/memory/crash.go",
		Why: "a log that lost its end goes on with what is left, its commit index brought down to it",
		Old: "		err := r.prove()\n",
		New: `		err := r.prove()
		for n := len(r.entries); planted.Is("clamped-commit") && err != nil && n > 0; n = len(r.entries) {
			last := r.entries[n-1].entry
			r.entries = r.entries[:n-1]
			r.held.State.Last = storage.Position{Index: last.GetIndex() - 1, Term: r.held.State.Start.Term}
			if n > 1 {
				r.held.State.Last.Term = r.entries[n-2].entry.GetTerm()
			}
			r.held.State.Commit = min(r.held.State.Commit, r.held.State.Last.Index)
			err = r.prove()
		}
`,
	},
	{
		Name: "snapshot-loses-producers", Seeds: 100, File: "raft/partition/snapshot.go",
		Why: "a checkpoint does not bring the producers back",
		Old: "	p.marks = readMarks(r)\n",
		New: "	p.marks = readMarks(r)\n	if planted.Is(\"snapshot-loses-producers\") {\n		clear(p.producers)\n	}\n",
	},
	{
		Name: "leaving-forgets", Seeds: 40, File: "raft/metadata/replica.go",
		Why: "a node deletes a replica that is to leave while its shard still counts on it",
		Old: "[][]Replica{p.Replicas, p.Leaving} {\n		for _, r := range list {\n			if r.Node == n && r.Incarnation",
		New: "[][]Replica{p.Replicas, p.Leaving} {\n		for at, r := range list {\n			if planted.Is(\"leaving-forgets\") && len(p.Leaving) > 0 && &list[at] == &p.Leaving[0] {\n				break\n			}\n			if r.Node == n && r.Incarnation",
	},
	{
		Name: "old-commits", World: "many", Seeds: 8, File: "raft/group/offsets.go",
		Why: "an offset expires by the age of the commit before, so that one that was just acknowledged is deleted",
		Old: "		k := offsetKey{t.Topic, p.Partition}\n		grows += g.grows(k, o)\n",
		New: `		k := offsetKey{t.Topic, p.Partition}
		if before, ok := g.offsetsOrNone()[k]; ok && planted.Is("old-commits") {
			o.at = before.at
		}
		grows += g.grows(k, o)
`,
		Also: []Bug{{
			File: "raft/group/offsets.go",
			Old:  "// grows is how much more memory",
			New: `func (g *group) offsetsOrNone() map[offsetKey]offset {
	if g == nil {
		return nil
	}
	return g.offsets
}

// grows is how much more memory`,
		}},
	},
	{
		Name: "early-commits", World: "many", Seeds: 24, File: "raft/group/offsets.go",
		Why: "a commit is answered when it is in the coordinator's memory",
		Old: "	reply = c.held(r.Group, reply, refuse)\n	g := c.groups[r.Group]\n	if err := mayCommit(",
		New: "	if !planted.Is(\"early-commits\") {\n		reply = c.held(r.Group, reply, refuse)\n	}\n	g := c.groups[r.Group]\n	if err := mayCommit(",
	},
	{
		Name: "abandoned-joins", World: "many", Seeds: 24, File: "raft/group/classic.go",
		Why: "a coordinator that moves leaves its members waiting",
		Old: "		m.refuse(cause)\n",
		New: "		if !planted.Is(\"abandoned-joins\") {\n			m.refuse(cause)\n		}\n",
	},
	{
		Name: "evicted-producers", World: "many", Seeds: 5, File: "raft/partition/partition.go",
		Why: "producers give way when they are many, and one that is alive writes twice",
		Old: "			p.producers[id] = p.producers[id].with(b, p.maxTime)\n",
		New: `			p.producers[id] = p.producers[id].with(b, p.maxTime)
			for planted.Is("evicted-producers") && len(p.producers) > 40 {
				oldest := id
				for other, known := range p.producers {
					if known.newest().base < p.producers[oldest].newest().base {
						oldest = other
					}
				}
				delete(p.producers, oldest)
			}
`,
	},
	{
		Name: "oversize-entry", World: "large", Seeds: 5, File: "raft/partition/stage.go",
		Why: "a batch that no store takes is proposed",
		Old: "	if len(batches) > MaxBatchBytes {\n",
		New: "	if len(batches) > MaxBatchBytes && !planted.Is(\"oversize-entry\") {\n",
		Also: []Bug{{
			File: "raft/replica.go",
			Old:  "		if len(d) > storage.MaxEntryBytes {\n",
			New:  "		if len(d) > storage.MaxEntryBytes && !planted.Is(\"oversize-entry\") {\n",
		}, {
			File: "actors/api/admit.go",
			Old:  "	if most := d.settings.MaxMessageBytes; len(b) > most {\n",
			New:  "	most := d.settings.MaxMessageBytes\n	if planted.Is(\"oversize-entry\") {\n		most *= 2\n	}\n	if len(b) > most {\n",
		}},
	},
	{
		Name: "stopped-silence", Seeds: 40, File: "actors/replica/actor.go",
		Why: "a replica that is stopped answers nobody who waits for it",
		Old: "	a.wake()\n	a.content.refuse(notLeader(0))\n	for _, c := range a.waiting {\n",
		New: "	a.wake()\n	if !planted.Is(\"stopped-silence\") {\n		a.content.refuse(notLeader(0))\n	}\n	for _, c := range a.waiting {\n",
	},
	{
		Name: "kept-budget", Seeds: 16, File: "actors/api/produce.go",
		Why: "a produce with acks=0 that fails is forgotten: its connection waits, and its bytes are never given back",
		Old: "			if part.ErrorCode != 0 {\n				p.call.Refuse(",
		New: "			if part.ErrorCode != 0 && planted.Is(\"kept-budget\") {\n				return\n			}\n			if part.ErrorCode != 0 {\n				p.call.Refuse(",
	},
	{
		Name: "two-replicas", World: "young", Seeds: 75, File: "actors/api/new_topic.go",
		Why: "topics that are created while the cluster forms get as many replicas as there are nodes then, for ever",
		Old: "	n.replicas = min(n.wanted, max(1, c.Image().Homes()))\n",
		New: "	n.replicas = min(n.wanted, max(1, c.Image().Homes()))\n	if planted.Is(\"two-replicas\") {\n		n.wanted = n.replicas\n	}\n",
		Also: []Bug{{
			File: "actors/node/forming.go",
			Old:  "	if left <= 0 {\n",
			New:  "	if left <= 0 || planted.Is(\"two-replicas\") {\n",
		}},
	},
	{
		Name: "lost-end", World: "logs", Seeds: 48, File: "raft/partition/sweep.go",
		Why: "a cleaning leaves nothing of the last batch when all its records go, so that no reader comes to the end of the log",
		Old: "	if s.emptied != nil {\n",
		New: "	if s.emptied != nil && !planted.Is(\"lost-end\") {\n",
		Also: []Bug{{
			File: "actors/replica/reader.go",
			Old:  "	if len(r.out) == 0 && !r.full {\n",
			New:  "	if len(r.out) == 0 && !r.full && !planted.Is(\"lost-end\") {\n",
		}},
	},
	{
		Name: "live-tombstones", World: "logs", Seeds: 4, File: "raft/partition/sweep.go",
		Why: "a tombstone is dropped by the cleaning that goes over it first, before what it deletes",
		Old: "		if r.Key != nil && r.Offset >= s.Dirty && r.Offset < s.Upto {\n",
		New: "		if r.Key != nil && r.Offset >= s.Dirty && r.Offset < s.Upto && !(planted.Is(\"live-tombstones\") && r.Null) {\n",
	},
	{
		Name: "first-of-key", World: "logs", Seeds: 8, File: "raft/partition/sweep.go",
		Why: "a cleaning keeps nothing of a key whose last record lies in its first stretch",
		Old: "	if last, ok := s.latest[keyOf(r.Key)]; ok && last > r.Offset {\n",
		New: "	if last, ok := s.latest[keyOf(r.Key)]; ok && (last > r.Offset || planted.Is(\"first-of-key\") && last == r.Offset && last == s.Dirty) {\n",
	},
	{
		Name: "young-deleted", World: "logs", Seeds: 10, File: "raft/partition/plan.go",
		Why: "records are deleted at half the age that retention.ms says",
		Old: "	if !policy.Delete {\n		return p.start\n	}\n",
		New: "	if !policy.Delete {\n		return p.start\n	}\n	if planted.Is(\"young-deleted\") {\n		policy.RetentionMS /= 2\n	}\n",
	},
	{
		Name: "stuck-cleaner", World: "logs", Seeds: 90, File: "actors/node/upkeep/retention.go",
		Why: "the cleaner of a node waits for ever for a replica that stopped leading",
		Old: "	ref.Send(&replica.Tend{Policy: policy, Now: now, Done: func(got replica.Tended) { t = got; close(done) }})\n",
		New: "	ref.Send(&replica.Tend{Policy: policy, Now: now, Done: func(got replica.Tended) {\n		t = got\n		if t.Err == nil || !planted.Is(\"stuck-cleaner\") {\n			close(done)\n		}\n	}})\n",
	},
	{
		Name: "forgotten-epochs", Seeds: 40, File: "raft/partition/epochs.go",
		Why: "an epoch whose records were all trimmed is told to be unknown, and Java's consumer takes that for a truncation",
		Old: "	if i == 0 {\n		return asked, end\n	}\n",
		New: "	if i == 0 && planted.Is(\"forgotten-epochs\") {\n		return -1, -1\n	}\n	if i == 0 {\n		return asked, end\n	}\n",
	},
	{
		Name: "forgotten-records", Seeds: 4, File: "actors/api/produce.go",
		Why: "of records that are committed some stay counted as under way",
		Old: "		p.books.Give(ledger.Records, 1)\n",
		New: "		if !planted.Is(\"forgotten-records\") || a.BaseOffset%16 != 0 {\n			p.books.Give(ledger.Records, 1)\n		}\n",
	},
}
