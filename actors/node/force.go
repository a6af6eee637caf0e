package node

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

// survivors tells what the replicas that run here have on disk.
func (n *Node) survivors() ([]recovery.Survivor, error) {
	states, err := n.states()
	if err != nil {
		return nil, err
	}
	var all []recovery.Survivor
	hosted := n.replicas.now()
	for _, s := range hosted.shards {
		ref := hosted.byShard[s].ref
		state, ok := states[ref.Replica]
		if !ok {
			continue
		}
		one, err := n.survivor(ref, state)
		if err != nil {
			return nil, fmt.Errorf("replica %d of shard %d: %w", ref.Replica, s, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func (n *Node) survivor(ref *replica.Ref, state storage.State) (recovery.Survivor, error) {
	checkpoint, err := n.store.Checkpoint(ref.Replica)
	if err != nil {
		return recovery.Survivor{}, err
	}
	conf, err := raft.MembersAtEnd(state, checkpoint, n.store)
	if err != nil {
		return recovery.Survivor{}, err
	}
	return recovery.Survivor{
		Shard: ref.Shard, Replica: ref.Replica, Node: n.here.ID,
		Term: state.Term, LastTerm: state.Last.Term, Last: state.Last.Index, Commit: max(state.Commit, ref.View().Applied()), HighWatermark: ref.View().HighWatermark,
		Voters: replicaIDs(conf.GetVoters()), Learners: replicaIDs(conf.GetLearners()), OutgoingVoters: replicaIDs(conf.GetVotersOutgoing()),
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

// force has a replica of this node go on without lost ones. done is called once.
func (n *Node) force(s recovery.Step, done func(error)) {
	n.forcings.mu.Lock()
	n.forcings.queue = append(n.forcings.queue, forcing{s, done})
	n.forcings.mu.Unlock()
	select {
	case n.forcings.due <- struct{}{}:
	default:
	}
}

// forceQueued carries out what was asked for. The reconciling goroutine calls it.
func (n *Node) forceQueued() {
	n.forcings.mu.Lock()
	queue := n.forcings.queue
	n.forcings.queue = nil
	n.forcings.mu.Unlock()
	for _, f := range queue {
		f.done(n.forceOne(f.step))
	}
}

// errLed refuses a recovery of what needs none.
var errLed = errors.New("the shard has a leader")

// forceOne stops the replica, writes the operator's word into its log, and opens it again.
func (n *Node) forceOne(s recovery.Step) error {
	h := n.replicas.now().byShard[s.Shard]
	switch {
	case h == nil || h.ref.Replica != s.Replica:
		return fmt.Errorf("replica %d does not run here any more", s.Replica)
	case h.ref.View().Leader != 0:
		return errLed
	}
	n.replicas.change(nil, []storage.ShardID{s.Shard})
	actors.AwaitAll(n.here, h.address.Stop)
	n.groups.Forget(s.Shard)
	n.leaders.Forget(s.Shard)
	n.awaitJournal()
	a, err := n.forced(s)
	if err == nil {
		n.here.Log.Warn("the operator has a replica go on without the majority of its shard", "partition", s.Name, "shard", s.Shard, "replica", s.Replica,
			"lost", s.Lost, "at", a.State.Commit, "term", a.State.Term)
		n.write([]storage.Append{a})
	}
	if s.Shard == metadata.MetaShard {
		return errors.Join(err, n.openMeta())
	}
	return err // the next look at the image opens it
}

// forced makes the entries of a recovery.
func (n *Node) forced(s recovery.Step) (storage.Append, error) {
	state, err := n.stateOf(s.Replica)
	if err != nil {
		return storage.Append{}, err
	}
	checkpoint, err := n.store.Checkpoint(s.Replica)
	if err != nil {
		return storage.Append{}, err
	}
	f := raft.Forcing{State: state, Checkpoint: checkpoint, Entries: n.store, Lost: s.Lost, Term: s.Term}
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
func (n *Node) awaitJournal() {
	done := make(chan struct{})
	n.journal.Write(journal.Write{Done: func() { close(done) }})
	n.here.Wait(actors.Forever, done)
}

// leftQuestion asks what replicas of the asked node have on disk.
var leftQuestion = question.Question[question.Nothing, []recovery.Survivor]{Name: "left"}

func (n *Node) survivorsAsked(metadata.NodeID, question.Nothing) ([]recovery.Survivor, error) {
	return n.survivors()
}

// forceQuestion has a replica go on without lost ones; it is answered once that does.
var forceQuestion = question.Question[recovery.Step, question.Nothing]{Name: "force"}

func (n *Node) forceAsked(_ metadata.NodeID, s recovery.Step, reply func(question.Nothing, error)) {
	n.force(s, func(err error) { reply(question.Nothing{}, err) })
}

// askForced has a replica forced wherever it is.
func (n *Node) askForced(ctx context.Context, s recovery.Step) error {
	if s.Node != n.here.ID {
		_, err := forceQuestion.Ask(ctx, n.here.Links, s.Node, s)
		return err
	}
	var failed error
	done := make(chan struct{})
	n.force(s, func(err error) { failed = err; close(done) })
	if n.here.Wait(actors.Forever, done, ctx.Done()) != 0 {
		return ctx.Err()
	}
	return failed
}
