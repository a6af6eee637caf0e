package node

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

// MetaTopic is what observers call the shard of the metadata.
const MetaTopic = local.MetaTopic

// observeWithin is how long an observation waits for actors and for other nodes.
const observeWithin = 500 * time.Millisecond

// Observe gathers an observation. One is made at a time.
func (n *Node) Observe(ctx context.Context) *Observation {
	n.observing.Enter(n.here)
	defer n.observing.Leave()
	ctx, cancel := n.here.Timeout(ctx, observeWithin)
	defer cancel()
	o := &Observation{
		Status: n.Status(), Version: n.config.Version, Image: n.here.Image(),
		Meters: &n.meters, Stages: &n.stages, Store: n.store.Usage(), SetAside: n.evidence(), Scrub: n.upkeep.Scrubbed(),
	}
	o.GroupBytes, o.GroupsUnreadable = n.groups.Bytes(), n.groups.Damaged()
	if s, ok := n.server.(interface{ Read() server.Reading }); ok {
		o.Server = s.Read()
	}
	if j, ok := n.journal.(interface{ Queued() (int, int64) }); ok {
		o.JournalWrites, o.JournalBytes = j.Queued()
	}
	if links, ok := n.here.Links.(interface{ Read() []remote.PeerReading }); ok {
		o.Peers = links.Read()
	}
	for id := range o.Image.Nodes {
		if n.here.Alive(id) {
			o.NodesUp++
		}
	}
	groups := local.GatherFrom[GroupReading](1)
	n.here.Do(func() { groups.Add(n.readGroups(ctx)...) })
	o.Replicas = n.readReplicas(ctx, o.Image)
	o.Gone = n.meters.Gone()
	o.Groups = groups.Wait(ctx, n.here)
	return o
}

// readReplicas asks all replicas where they stand.
func (n *Node) readReplicas(ctx context.Context, image *metadata.Image) []ReplicaReading {
	running := n.replicas.All()
	answers := local.GatherFrom[replica.Standing](len(running))
	refs := make(map[storage.ShardID]*replica.Ref, len(running))
	for _, ref := range running {
		refs[ref.Shard] = ref
		ref.Send(&replica.Observe{Done: func(s replica.Standing) { answers.Add(s) }, Gone: func() { answers.Add() }})
	}
	all := make([]ReplicaReading, 0, len(running))
	for _, s := range answers.Wait(ctx, n.here) {
		r := ReplicaReading{Topic: MetaTopic, Wanted: s.Members, Standing: s, View: refs[s.Shard].View()}
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
