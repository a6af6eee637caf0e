package operate

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// outcome is the answer to a forwarded command. JSON on the wire.
type outcome struct {
	Index           uint64
	FirstProducerID int64
	TopicID         metadata.TopicID
	Code            int16  // of a refused command, 0 if it was carried out
	Detail          string // of a refused command
	NotLeader       bool   // the asked node does not lead __meta; nothing was done
	// with NotLeader, which is all that other nodes are told: this one has no room
	Full    bool `json:"-"`
	Unknown bool // the command may or may not be carried out
}

func (o outcome) result() metadata.Result {
	r := metadata.Result{Index: o.Index, FirstProducerID: o.FirstProducerID, TopicID: o.TopicID}
	if o.Code != 0 {
		r.Err = &protocol.Error{Kafka: kerr.TypedErrorForCode(o.Code), Detail: o.Detail}
	}
	return r
}

func outcomeOf(r replica.CommandResult) outcome {
	switch {
	case r.Failed != nil && r.Proposed:
		return outcome{Unknown: true}
	case r.Failed != nil:
		return outcome{NotLeader: true}
	}
	o := outcome{Index: r.Index, FirstProducerID: r.FirstProducerID, TopicID: r.TopicID}
	if r.Err != nil {
		o.Code, o.Detail = r.Err.Kafka.Code, r.Err.Detail
	}
	return o
}

// errUnknownOutcome tells a client that it must look whether its change was made.
var errUnknownOutcome = protocol.Errorf(kerr.RequestTimedOut, "the leader of the metadata changed while the change was under way; look whether it was made")

// submitRetry is the pause before another try to find the leader of __meta, if nothing is heard of
// one sooner.
const submitRetry = 50 * time.Millisecond

// Submit has a command committed by the metadata, from whichever node it is called on, and returns
// its result once this node's image contains it.
func (o *Operator) Submit(ctx context.Context, c metadata.Command) (metadata.Result, error) {
	for {
		got, err := o.submitOnce(ctx, c)
		switch {
		case err == nil && got.Unknown:
			return metadata.Result{}, errUnknownOutcome
		case err == nil && !got.NotLeader:
			return got.result(), o.awaitIndex(ctx, got.Index)
		case err != nil && !errors.Is(err, errNoMetaLeader):
			return metadata.Result{}, timedOut(err)
		}
		switch o.here.Wait(submitRetry, o.Leaders.News().Changed(), ctx.Done(), o.here.Stopping) {
		case 1:
			return metadata.Result{}, notTaken(got.Full)
		case 2:
			return metadata.Result{}, protocol.Errorf(kerr.CoordinatorNotAvailable, "this node is stopping")
		}
	}
}

// notTaken is why a change was not made by the end of its time.
func notTaken(full bool) error {
	if full {
		return protocol.Errorf(kerr.RequestTimedOut, "there was no room for the change in time: too many others wait to become durable")
	}
	return protocol.Errorf(kerr.RequestTimedOut, "no leader of the metadata was found in time: a majority of the nodes that hold it must be up")
}

func timedOut(err error) error {
	return protocol.Errorf(kerr.RequestTimedOut, "the leader of the metadata did not answer: %v", err)
}

var errNoMetaLeader = errors.New("node: the leader of __meta is not known")

// submitOnce tries the leader that is known now.
func (o *Operator) submitOnce(ctx context.Context, c metadata.Command) (outcome, error) {
	leader := o.here.MetaLeader()
	if leader == -1 {
		return outcome{}, errNoMetaLeader
	}
	body, err := c.Encode()
	if err != nil {
		return outcome{Code: protocol.Code(err), Detail: err.Error()}, nil
	}
	if leader == o.here.ID {
		return o.submitHere(ctx, c, len(body))
	}
	return submitQuestion.Ask(ctx, o.here.Links, leader, proposal{c, body})
}

func (o *Operator) submitHere(ctx context.Context, c metadata.Command, size int) (outcome, error) {
	done := make(chan struct{})
	var out outcome
	o.propose(c, size, func(got outcome) { out = got; close(done) })
	if o.here.Wait(actors.Forever, done, ctx.Done()) == 1 {
		return outcome{}, ctx.Err()
	}
	return out, nil
}

// propose gives a command of so many bytes to this node's replica of __meta, if there is room.
func (o *Operator) propose(c metadata.Command, size int, done func(outcome)) {
	if !o.proposals.take(size) {
		done(outcome{NotLeader: true, Full: true})
		return
	}
	meta := o.here.Meta()
	if meta == nil {
		o.proposals.give(size)
		done(outcome{NotLeader: true})
		return
	}
	meta.Command(&replica.Command{Command: c, Done: func(r replica.CommandResult) {
		o.proposals.give(size)
		done(outcomeOf(r))
	}})
}

// proposal is a command as it is forwarded: with how it is written, for as long as its handler is
// called.
type proposal struct {
	command metadata.Command
	body    []byte
}

// submitQuestion forwards a command to the node that leads the metadata.
var submitQuestion = question.Question[proposal, outcome]{
	Name: "submit",
	Request: question.Codec[proposal]{
		Encode: func(p proposal) ([]byte, error) { return p.body, nil },
		Decode: func(b []byte) (proposal, error) {
			c, err := metadata.Decode(b)
			return proposal{c, b}, err
		},
	},
}

func (o *Operator) submitted(_ metadata.NodeID, p proposal, reply func(outcome, error)) {
	o.propose(p.command, len(p.body), func(got outcome) { reply(got, nil) })
}

// awaitIndex waits until this node's image contains an entry of __meta.
func (o *Operator) awaitIndex(ctx context.Context, index uint64) error {
	if err := o.here.Until(ctx, &o.here.Imaged, func() bool { return o.here.Image().Index >= index }); err != nil {
		return protocol.Errorf(kerr.RequestTimedOut, "the change was made, but this node has not seen it yet")
	}
	return nil
}
