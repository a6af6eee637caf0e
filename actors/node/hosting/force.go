package hosting

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/recovery"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Survivors tells what the replicas that run here have on disk.
func (hs *Hosting) Survivors() ([]recovery.Survivor, error) {
	states, err := hs.states()
	if err != nil {
		return nil, err
	}
	var all []recovery.Survivor
	hosted := hs.replicas.now()
	for _, s := range hosted.shards {
		ref := hosted.byShard[s].ref
		state, ok := states[ref.Replica]
		if !ok {
			continue
		}
		one, err := hs.survivor(ref, state)
		if err != nil {
			return nil, fmt.Errorf("replica %d of shard %d: %w", ref.Replica, s, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func (hs *Hosting) survivor(ref *replica.Ref, state storage.State) (recovery.Survivor, error) {
	checkpoint, err := hs.Disk.Checkpoint(ref.Replica)
	if err != nil {
		return recovery.Survivor{}, err
	}
	conf, err := raft.MembersAtEnd(state, checkpoint, hs.Disk)
	if err != nil {
		return recovery.Survivor{}, err
	}
	return recovery.Survivor{
		Shard: ref.Shard, Replica: ref.Replica, Node: hs.here.ID,
		Term: state.Term, LastTerm: state.Last.Term, Last: state.Last.Index, Commit: max(state.Commit, ref.View().Applied()), HighWatermark: ref.View().HighWatermark,
		Voters: ReplicaIDs(conf.GetVoters()), Learners: ReplicaIDs(conf.GetLearners()), OutgoingVoters: ReplicaIDs(conf.GetVotersOutgoing()),
	}, nil
}

// forcings are steps of a recovery that wait for the goroutine that starts and stops replicas.
type forcings struct {
	mu    sync.Mutex
	queue []forcing
	due   chan struct{} // holds a token while there are some
}

type forcing struct {
	step recovery.Step
	done func(error)
}

// Force has a replica of this node go on without lost ones. done is called once.
func (hs *Hosting) Force(s recovery.Step, done func(error)) {
	hs.forcings.mu.Lock()
	hs.forcings.queue = append(hs.forcings.queue, forcing{s, done})
	hs.forcings.mu.Unlock()
	select {
	case hs.forcings.due <- struct{}{}:
	default:
	}
}

// forceQueued carries out what was asked for. The reconciling goroutine calls it.
func (hs *Hosting) forceQueued() {
	hs.forcings.mu.Lock()
	queue := hs.forcings.queue
	hs.forcings.queue = nil
	hs.forcings.mu.Unlock()
	for _, f := range queue {
		f.done(hs.forceOne(f.step))
	}
}

// errLed refuses a recovery of what needs none.
var errLed = errors.New("the shard has a leader")

// forceOne stops the replica, writes the operator's word into its log, and opens it again.
func (hs *Hosting) forceOne(s recovery.Step) error {
	h := hs.replicas.now().byShard[s.Shard]
	switch {
	case h == nil || h.ref.Replica != s.Replica:
		return fmt.Errorf("replica %d does not run here any more", s.Replica)
	case h.ref.View().Leader != 0:
		return errLed
	}
	hs.replicas.change(nil, []storage.ShardID{s.Shard})
	actors.AwaitAll(hs.here, h.address.Stop)
	hs.Groups.Forget(s.Shard)
	hs.Leaders.Forget(s.Shard)
	hs.awaitJournal()
	a, err := hs.forced(s)
	if err == nil {
		hs.here.Log.Warn("the operator has a replica go on without the majority of its shard", "partition", s.Name, "shard", s.Shard, "replica", s.Replica,
			"lost", s.Lost, "at", a.State.Commit, "term", a.State.Term)
		hs.Write([]storage.Append{a})
	}
	if s.Shard == metadata.MetaShard {
		return errors.Join(err, hs.OpenMeta())
	}
	return err // the next look at the image opens it
}

// forced makes the entries of a recovery.
func (hs *Hosting) forced(s recovery.Step) (storage.Append, error) {
	state, err := hs.State(s.Replica)
	if err != nil {
		return storage.Append{}, err
	}
	checkpoint, err := hs.Disk.Checkpoint(s.Replica)
	if err != nil {
		return storage.Append{}, err
	}
	f := raft.Forcing{State: state, Checkpoint: checkpoint, Entries: hs.Disk, Lost: s.Lost, Term: s.Term}
	// what the lost nodes gave out last is not known, and must not be given out again
	if s.Shard == metadata.MetaShard {
		skip := metadata.Skip()
		data, err := skip.Encode()
		if err != nil {
			return storage.Append{}, err
		}
		f.Then = [][]byte{data}
	}
	return raft.Force(f)
}

// awaitJournal waits until all that was given to the journal is durable.
func (hs *Hosting) awaitJournal() {
	done := make(chan struct{})
	hs.Journal.Write(journal.Write{Done: func() { close(done) }})
	hs.awaitDurable(done)
}

// LeftQuestion asks what replicas of the asked node have on disk.
var LeftQuestion = question.Question[question.Nothing, []recovery.Survivor]{Name: "left"}

func (hs *Hosting) leftAsked(metadata.NodeID, question.Nothing) ([]recovery.Survivor, error) {
	return hs.Survivors()
}

// forceQuestion has a replica go on without lost ones; it is answered once that does.
var forceQuestion = question.Question[recovery.Step, question.Nothing]{Name: "force"}

func (hs *Hosting) forceAsked(_ metadata.NodeID, s recovery.Step, reply func(question.Nothing, error)) {
	hs.Force(s, func(err error) { reply(question.Nothing{}, err) })
}

// ForceAt has a replica forced wherever it is.
func (hs *Hosting) ForceAt(ctx context.Context, s recovery.Step) error {
	if s.Node != hs.here.ID {
		_, err := forceQuestion.Ask(ctx, hs.here.Links, s.Node, s)
		return err
	}
	var failed error
	done := make(chan struct{})
	hs.Force(s, func(err error) { failed = err; close(done) })
	if hs.here.Wait(actors.Forever, done, ctx.Done()) != 0 {
		return ctx.Err()
	}
	return failed
}
