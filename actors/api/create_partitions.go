package api

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// createPartitions adds partitions to topics.
func createPartitions(c *Call) {
	c.Go(func() {
		request := c.Body.(*kmsg.CreatePartitionsRequest)
		r := request.ResponseKind().(*kmsg.CreatePartitionsResponse)
		ctx, cancel := c.timeout(request.TimeoutMillis)
		defer cancel()
		for _, t := range request.Topics {
			out := kmsg.NewCreatePartitionsResponseTopic()
			out.Topic = t.Topic
			err := c.addPartitions(ctx, t, request.ValidateOnly)
			out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
			r.Topics = append(r.Topics, out)
		}
		c.Answer(r)
	})
}

func (c *Call) addPartitions(ctx context.Context, want kmsg.CreatePartitionsRequestTopic, validateOnly bool) error {
	t, unknown := c.Topic(want.Topic, [16]byte{}, false, access.Alter)
	if unknown != nil {
		return unknown
	}
	return addPartitions(ctx, c.Cluster, t, want, validateOnly)
}

func addPartitions(ctx context.Context, c Cluster, t *metadata.Topic, want kmsg.CreatePartitionsRequestTopic, validateOnly bool) error {
	have := len(t.Partitions)
	more := int(want.Count) - have
	switch {
	case more == 0:
		return protocol.Errorf(kerr.InvalidPartitions, "Topic already has %d partition(s).", have)
	case more < 0:
		return protocol.Errorf(kerr.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, have, want.Count)
	}
	if more > mostPartitionsAtOnce {
		return errTooManyAtOnce
	}
	if full := roomFor(c, more, len(t.Partitions[0].Replicas)); full != nil {
		return full
	}
	first := t.Partitions[0]
	placement, err := assigned(want, more)
	if err != nil {
		return err
	}
	if placement == nil {
		replicas := max(first.Voters(), min(first.Wanted, c.Image().Homes()))
		if placement, err = c.Place(t.Name, more, replicas); err != nil {
			return err
		}
	} else if refused := c.Image().Placeable(placement, first.Voters()); refused != nil {
		return refused
	}
	if validateOnly {
		return nil
	}
	err = submit(ctx, c, metadata.Command{CreatePartitions: &metadata.CreatePartitions{ID: t.ID, From: have, Placement: placement, Wanted: first.Wanted}})
	if err != nil {
		return err
	}
	awaitLeaders(ctx, c, t.Name)
	return addReaders(ctx, c, t.Name, have)
}

// addReaders gives the partitions of a topic from one on as many read-only replicas as its first
// partition has.
func addReaders(ctx context.Context, c Cluster, topic string, from int) error {
	image := c.Image()
	t, gone := topicNamed(image, topic)
	if gone != nil {
		return nil // deleted meanwhile
	}
	readers := len(t.Partitions[0].Replicas) - t.Partitions[0].Voters()
	if readers == 0 {
		return nil
	}
	added := *t
	added.Partitions = t.Partitions[from:]
	changes, err := c.Readers(&added, readers)
	for _, change := range changes {
		if err == nil {
			err = submit(ctx, c, metadata.Command{AlterReplicas: &change})
		}
	}
	if err != nil {
		return protocol.Errorf(kerr.InvalidReplicationFactor, "the partitions were added, but not all of their %d read-only replicas, which `troupe topic alter %s --read-replicas %d` does: %v",
			readers, topic, readers, err)
	}
	return nil
}

// assigned returns the client's own placement, nil if it gave none.
func assigned(want kmsg.CreatePartitionsRequestTopic, more int) (placement [][]metadata.NodeID, err error) {
	if len(want.Assignment) == 0 {
		return nil, nil
	}
	if len(want.Assignment) != more {
		return nil, protocol.Errorf(kerr.InvalidReplicaAssignment, "Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", more, len(want.Assignment))
	}
	for _, a := range want.Assignment {
		placement = append(placement, slices.Clone(a.Replicas))
	}
	return placement, nil
}
