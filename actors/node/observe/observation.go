package observe

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Observation is what can be measured of a node at one moment. It is gathered when somebody asks:
// between two observations measuring costs counters only. Not to be changed.
type Observation struct {
	Status
	Version  string
	Image    *metadata.Image
	NodesUp  int              // of those registered, this one included
	Replicas []ReplicaReading // that run here and answered in time, in order of topic and partition
	Gone     replica.Counts   // what replicas counted that do not run here any more
	Meters   *replica.Meters
	Stages   *stages.Clock
	Server   server.Reading
	Peers    []remote.PeerReading
	Groups   []GroupReading // coordinated here

	GroupBytes       int64 // what groups take in memory, about
	GroupsUnreadable int64 // records that could not be read when groups were loaded

	JournalWrites int   // that wait for a transaction
	JournalBytes  int64 // of entry data in them
	Store         storage.Usage
	SetAside      []storage.Evidence // damaged stores that were put aside
	Scrub         upkeep.ScrubReading
}

// ReplicaReading is one replica of this node.
type ReplicaReading struct {
	Topic     string // __meta for the metadata
	Partition int32
	Wanted    int // replicas that the partition should have
	Standing  replica.Standing
	View      *replica.View
}

// observeWithin is how long an observation waits for actors and for other nodes.
const observeWithin = 500 * time.Millisecond

// Observe gathers an observation. One is made at a time.
func (o *Observer) Observe(ctx context.Context) *Observation {
	o.observing.Enter(o.here)
	defer o.observing.Leave()
	ctx, cancel := o.here.Timeout(ctx, observeWithin)
	defer cancel()
	seen := &Observation{
		Status: o.Status(), Version: o.Version, Image: o.here.Image(),
		Meters: o.Meters, Stages: o.Stages, Store: o.Disk.Usage(), SetAside: storage.EvidenceIn(o.Disk), Scrub: o.Upkeep.Scrubbed(),
		Server: o.Server.Read(), Peers: o.here.Links.Read(),
	}
	seen.GroupBytes, seen.GroupsUnreadable = o.Groups.Bytes(), o.Groups.Damaged()
	seen.JournalWrites, seen.JournalBytes = o.Journal.Queued()
	for id := range seen.Image.Nodes {
		if o.here.Alive(id) {
			seen.NodesUp++
		}
	}
	groups := local.GatherFrom[GroupReading](1)
	o.here.Do(func() { groups.Add(o.readGroups(ctx)...) })
	seen.Replicas = o.readReplicas(ctx, seen.Image)
	seen.Gone = o.Meters.Gone()
	seen.Groups = groups.Wait(ctx, o.here)
	return seen
}

// readReplicas asks all replicas where they stand.
func (o *Observer) readReplicas(ctx context.Context, image *metadata.Image) []ReplicaReading {
	running := o.Replicas.All()
	answers := local.GatherFrom[replica.Standing](len(running))
	refs := make(map[storage.ShardID]*replica.Ref, len(running))
	for _, ref := range running {
		refs[ref.Shard] = ref
		ref.Send(&replica.Observe{Done: func(s replica.Standing) { answers.Add(s) }, Gone: func() { answers.Add() }})
	}
	all := make([]ReplicaReading, 0, len(running))
	for _, s := range answers.Wait(ctx, o.here) {
		r := ReplicaReading{Topic: local.MetaTopic, Wanted: s.Members, Standing: s, View: refs[s.Shard].View()}
		if s.Shard != metadata.MetaShard {
			p := image.Shard(s.Shard)
			if p == nil {
				continue // deleted meanwhile
			}
			r.Topic, r.Partition, r.Wanted = p.Topic, p.Index, len(p.Replicas)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b ReplicaReading) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all
}
