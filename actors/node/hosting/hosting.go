package hosting

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/space"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Journal is what makes appends durable.
type Journal interface {
	Write(journal.Write)
	Writes([]journal.Write)
}

// Leaderships hear of views.
type Leaderships interface {
	Changed(v *replica.View)
	Forget(s storage.ShardID)
}

// Groups are the coordinators beside the replicas.
type Groups interface{ Forget(s storage.ShardID) }

// Space is how full the nodes' disks are.
type Space interface {
	Own() space.Level
	PeerFull(metadata.NodeID) bool
	Roomy() bool
}

// Membership is this node's place in the cluster.
type Membership interface {
	// Reach links this node with the nodes of an image.
	Reach(i *metadata.Image)
	// Expelled reports whether this node is no member any more by an image, and ends it then.
	Expelled(i *metadata.Image) bool
	// MetaState is what this node's replica of the metadata begins with. It may wait for the cluster.
	MetaState() (state storage.State, members replica.Members, version uint64, err error)
	// Description is what this node says of itself to the metadata.
	Description() metadata.Node
}

// Submitter has commands committed by the metadata.
type Submitter interface {
	Submit(ctx context.Context, c metadata.Command) (metadata.Result, error)
}

// Options are what a Hosting works with.
type Options struct {
	Disk       storage.Store
	Journal    Journal
	Host       actors.Host
	Leaders    Leaderships
	Groups     Groups
	Space      Space
	Membership Membership
	Submit     Submitter

	// Replica is what all replicas have in common; what is each one's own is filled in.
	Replica    replica.Options
	Local      metadata.Local           // which settings count on this node
	CacheBytes func(replicas int64) int // that one of so many replicas may keep of its newest records
	Crowded    func() bool              // so much waits for the disk that no more entries are taken
	LogBytes   int64                    // of logs that are given in a second to replicas elsewhere
}

// Hosting runs the replicas that the metadata places on this node. Safe for any goroutine, but for
// what says that it is the reconciling one's.
type Hosting struct {
	Options
	here     *local.Node
	replicas *Replicas
	placed   atomic.Int64 // replicas that the metadata places here
	restored atomic.Int64 // times that one caught up by a snapshot
	lost     *outOfService
	source   actors.Address // the log source
	forcings forcings
	// the reconciling goroutine's: the disk was swept, so no image is an old one any more
	upToDate bool
	// the first image by which the disk may be swept; 0 if that is done, or there is none yet
	sweepAt atomic.Uint64
}

// New makes the room of a node, which runs no replica yet.
func New(here *local.Node, r *Replicas, o Options) (*Hosting, error) {
	hs := &Hosting{Options: o, here: here, replicas: r, lost: newOutOfService(), forcings: forcings{due: make(chan struct{}, 1)}}
	return hs, hs.openSource()
}

// Answer has the room answer what other nodes ask of it.
func (hs *Hosting) Answer(t *question.Table) {
	groupQuestion.Answered(t, hs.confirm)
	LeftQuestion.AnsweredAside(t, hs.leftAsked)
	forceQuestion.AnsweredLater(t, hs.forceAsked)
}

// Placed is how many replicas the metadata places here.
func (hs *Hosting) Placed() int64 { return hs.placed.Load() }

// Restored is how often a replica here caught up by a snapshot since the node started.
func (hs *Hosting) Restored() int64 { return hs.restored.Load() }

// Lost are the replicas here that are out of service, in order of replica.
func (hs *Hosting) Lost() []Loss { return hs.lost.list() }

// Write has appends made durable and waits for it. Of a node that breaks meanwhile it ends the
// goroutine: nothing may go on as if they were.
func (hs *Hosting) Write(appends []storage.Append) {
	if len(appends) == 0 {
		return
	}
	done := make(chan struct{})
	writes := make([]journal.Write, len(appends))
	for i, a := range appends {
		writes[i] = journal.Write{Append: a}
	}
	writes[len(writes)-1].Done = func() { close(done) }
	hs.Journal.Writes(writes)
	hs.awaitDurable(done)
}

// awaitDurable waits for what was given to the journal, whose Done closes the channel. If the node
// breaks meanwhile it ends the goroutine.
func (hs *Hosting) awaitDurable(done <-chan struct{}) {
	if hs.here.Wait(actors.Forever, done, hs.here.Broken) != 0 {
		runtime.Goexit()
	}
}

// State returns what the store holds of a replica.
func (hs *Hosting) State(r storage.ReplicaID) (storage.State, error) {
	all, err := hs.states()
	if err != nil {
		return storage.State{}, err
	}
	if s, ok := all[r]; ok {
		return s, nil
	}
	return storage.State{}, storage.ErrNotFound
}

func (hs *Hosting) states() (map[storage.ReplicaID]storage.State, error) {
	list, err := hs.Disk.Replicas()
	if err != nil {
		return nil, fmt.Errorf("list the replicas on disk: %w", err)
	}
	states := make(map[storage.ReplicaID]storage.State, len(list))
	for _, s := range list {
		states[s.Replica] = s
	}
	return states, nil
}
