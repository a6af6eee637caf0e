package operate

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

const (
	superviseEvery = 500 * time.Millisecond
	superviseAgain = 5 * time.Second // while nothing changes, so that what the nodes hold is known
	movesTimeout   = time.Second     // for one node to tell of its moves
	settledIn      = 5 * time.Second // a node must be up this long before anything is moved to it
)

// supervising is the supervisor's actor: it looks at the cluster where __meta leads, and does what
// the plan says. One look is under way at a time.
type supervising struct {
	o      *Operator
	send   func(any)
	core   *supervisor.Supervisor // nil where __meta does not lead
	looked time.Time
	busy   bool
	calm   *calmly // when the last look found nothing to do; nil if it found something
}

// calmly is what the supervisor looked at when there was nothing to do: as long as it is the same,
// there is nothing either.
type calmly struct {
	image  *metadata.Image
	usable []metadata.NodeID
}

// look asks the actor to look at the cluster.
type look struct{}

// gathered brings what the leaders of the shards tell.
type gathered struct{ reports []supervisor.Report }

// done tells what became of the commands of a look.
type done struct{ answers []answered }

// answered is a command that __meta answered: with a refusal, or nil.
type answered struct {
	command metadata.Command
	refusal error
}

// Supervise runs the supervisor's actor until the node stops.
func (o *Operator) Supervise() {
	s := &supervising{o: o}
	address, err := o.Host.Spawn("supervisor", s)
	if err != nil {
		o.here.Fail(err)
		return
	}
	s.send = address.Send
	o.here.Every(superviseEvery, func(time.Time) { address.Send(&look{}) })
	actors.AwaitAll(o.here, address.Stop)
}

// Turn implements actors.Actor.
func (s *supervising) Turn(messages []any) {
	for _, m := range messages {
		switch m := m.(type) {
		case *look:
			s.begin()
		case *gathered:
			s.decide(m.reports)
		case *done:
			s.busy = false
			for _, a := range m.answers {
				if s.core != nil {
					s.core.Answered(a.command, a.refusal)
				}
			}
		}
	}
}

// Stopped implements actors.Actor.
func (s *supervising) Stopped() {}

// begin asks the nodes what moves.
func (s *supervising) begin() {
	if !s.o.here.LeadsMeta() {
		s.core = nil
		s.o.plan.Store(nil)
		return
	}
	if s.busy || s.o.here.Image().ClusterID == "" {
		return
	}
	if s.core == nil {
		s.core, s.looked, s.calm = supervisor.New(supervisor.DefaultLimits), time.Time{}, nil
	}
	if image, now := s.o.here.Image(), s.o.here.Now(); s.calm.holds(image, s.o.usableNodes(image, now)) && now.Sub(s.looked) < superviseAgain {
		return
	}
	s.busy = true
	s.o.here.Do(func() { s.send(&gathered{s.o.gather()}) })
}

// decide has the core look, and carries out what it says.
func (s *supervising) decide(reports []supervisor.Report) {
	now := s.o.here.Now()
	image := s.o.here.Image()
	usable := s.o.usableNodes(image, now)
	in := supervisor.Input{Image: image, Reports: reports, Usable: func(id metadata.NodeID) bool { return slices.Contains(usable, id) }}
	in.Internal, _ = strconv.Atoi(s.o.Setting("offsets.topic.replication.factor"))
	if !s.looked.IsZero() {
		in.Seconds = now.Sub(s.looked).Seconds()
	}
	s.looked = now
	if s.core == nil || !s.o.here.LeadsMeta() {
		s.busy = false
		return
	}
	out := s.core.Look(in)
	s.o.plan.Store(&out.Status)
	if s.calm = nil; len(out.Commands)+len(out.Status.Planned)+len(out.Status.Moving)+len(out.Status.Refused) == 0 {
		s.calm = &calmly{image, usable}
	}
	s.o.here.Do(func() {
		s.send(&done{s.o.carryOut(out)})
	})
}

// holds reports whether all is as it was.
func (c *calmly) holds(image *metadata.Image, usable []metadata.NodeID) bool {
	return c != nil && c.image == image && slices.Equal(c.usable, usable)
}

// usableNodes are the nodes that replicas may be moved to, in order.
func (o *Operator) usableNodes(image *metadata.Image, now time.Time) (all []metadata.NodeID) {
	for _, id := range slices.Sorted(maps.Keys(image.Nodes)) {
		if o.usable(id, now) {
			all = append(all, id)
		}
	}
	return all
}

// usable reports whether replicas may be moved to a node: it is up, for some time, and has room for
// them.
func (o *Operator) usable(id metadata.NodeID, now time.Time) bool {
	return !o.Space.Low(id) && (id == o.here.ID || o.here.Links.Up(id) && o.Leaders.UpFor(id, now) >= settledIn)
}

// carryOut gives __meta the supervisor's commands and returns its answers.
func (o *Operator) carryOut(out supervisor.Output) []answered {
	answers := carryOutAll(out.Commands, func(c metadata.Command) (metadata.Result, error) {
		ctx, cancel := o.here.Timeout(o.here.Context, local.CommandTimeout)
		defer cancel()
		return o.Submit(ctx, c)
	})
	for _, a := range answers {
		o.logCarriedOut(a, out.Why)
	}
	return answers
}

// carryOutAll gives commands to __meta one after the other. One that is refused does not keep the
// others back; one that gets no answer does, since the next look has to see first what became of
// it.
func carryOutAll(commands []metadata.Command, submit func(metadata.Command) (metadata.Result, error)) (answers []answered) {
	for _, c := range commands {
		r, err := submit(c)
		if err != nil {
			break
		}
		answers = append(answers, answered{c, refusal(r)})
	}
	return answers
}

func (o *Operator) logCarriedOut(a answered, why map[storage.ShardID]supervisor.Reason) {
	c := a.command
	switch {
	case a.refusal != nil:
		o.here.Log.Warn("the metadata refused a planned change, which is tried again later", "error", a.refusal)
	case c.RemoveNode != nil:
		o.here.Log.Info("a node was removed from the cluster", "removed", c.RemoveNode.Node)
	case c.AlterReplicas != nil:
		reason, planned := why[c.AlterReplicas.Shard]
		if !planned { // of __meta
			o.here.Log.Info("reassigning partition", "partition", o.here.NameOf(c.AlterReplicas.Shard), "targets", c.AlterReplicas.Targets)
			return
		}
		o.here.Log.Info("reassigning partition", "partition", o.here.NameOf(c.AlterReplicas.Shard), "targets", c.AlterReplicas.Targets, "reason", reason)
	}
}

func refusal(r metadata.Result) error {
	if r.Err == nil {
		return nil
	}
	return r.Err
}

// gather asks all nodes that are up what they tell of the shards they lead.
func (o *Operator) gather() []supervisor.Report {
	var mu sync.Mutex
	reports, _ := o.moves(o.here.ID, question.Nothing{})
	var asks []func()
	for _, peer := range o.here.Peers() {
		if !o.here.Links.Up(peer) {
			continue
		}
		asks = append(asks, func() {
			ctx, cancel := o.here.Timeout(o.here.Context, movesTimeout)
			defer cancel()
			told, err := movesQuestion.Ask(ctx, o.here.Links, peer, question.Nothing{})
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			reports = append(reports, told...)
		})
	}
	actors.Together(o.here, asks...)
	return reports
}

// movesQuestion asks how the changes of members are that the asked node leads.
var movesQuestion = question.Question[question.Nothing, []supervisor.Report]{Name: "moves"}

// moves tells of the shards that this node leads: how large they are and how their changes of
// members stand; and of the replicas here that receive a log as a whole, how much of it they have,
// which their leaders do not know before it is all there.
func (o *Operator) moves(metadata.NodeID, question.Nothing) ([]supervisor.Report, error) {
	reports := []supervisor.Report{}
	for _, ref := range o.Replicas.All() {
		shard := ref.Shard
		if ref.View().Role != replica.Leader {
			if g := ref.Membership(); g != nil && g.Pulled > 0 {
				reports = append(reports, supervisor.Report{Shard: shard, Pulled: &supervisor.Match{Replica: ref.Replica, Upto: g.Pulled}})
			}
			continue
		}
		r := supervisor.Report{Shard: shard, Bytes: ref.Bytes()}
		if g := ref.Membership(); g != nil && g.Leads {
			r.Last, r.Start, r.Waits, r.Refused = g.Last, g.Start, g.Waits, g.Refused
			for _, p := range g.Progress {
				r.Matches = append(r.Matches, supervisor.Match{Replica: p.Replica, Upto: p.Match})
			}
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// planQuestion asks what the supervisor does, of the node that leads the metadata.
var planQuestion = question.Question[question.Nothing, supervisor.Status]{Name: "plan"}

func (o *Operator) planned(metadata.NodeID, question.Nothing) (supervisor.Status, error) {
	s := o.plan.Load()
	if s == nil {
		return supervisor.Status{}, errors.New("this node does not lead the metadata, or has only just begun to: ask again")
	}
	return *s, nil
}
