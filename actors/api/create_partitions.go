package api

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/supervisor"
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
			err := addPartitions(ctx, c.Cluster, t, request.ValidateOnly)
			out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
			r.Topics = append(r.Topics, out)
		}
		c.Answer(r)
	})
}

func addPartitions(ctx context.Context, c Cluster, want kmsg.CreatePartitionsRequestTopic, validateOnly bool) error {
	t, unknown := topicOf(c.Image(), want.Topic, [16]byte{}, false)
	if unknown != nil {
		return unknown
	}
	have := len(t.Partitions)
	more := int(want.Count) - have
	if more <= 0 {
		return protocol.Errorf(kerr.InvalidPartitions, "Topic currently has %d partitions, which is not less than the requested %d.", have, want.Count)
	}
	if more > mostPartitionsAtOnce {
		return errTooManyAtOnce
	}
	if full := roomFor(c, more, len(t.Partitions[0].Replicas)); full != nil {
		return full
	}
	placement, err := assigned(want, more, t.Partitions[0].Voters())
	if err != nil {
		return err
	}
	if placement == nil {
		if placement, err = c.Place(t.Name, more, t.Partitions[0].Voters()); err != nil {
			return err
		}
	}
	if validateOnly {
		return nil
	}
	err = submit(ctx, c, metadata.Command{CreatePartitions: &metadata.CreatePartitions{ID: t.ID, From: have, Placement: placement}})
	if err != nil {
		return err
	}
	awaitLeaders(ctx, c, t.Name)
	return addReaders(ctx, c, t.Name, have)
}

// addReaders gives the partitions of a topic from one on as many read-only replicas as its first partition has.
func addReaders(ctx context.Context, c Cluster, topic string, from int) error {
	image := c.Image()
	t := image.Topics[topic]
	if t == nil {
		return nil // deleted meanwhile
	}
	readers := len(t.Partitions[0].Replicas) - t.Partitions[0].Voters()
	if readers == 0 {
		return nil
	}
	added := *t
	added.Partitions = t.Partitions[from:]
	changes, err := supervisor.Readers(image, c.Alive, &added, readers)
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
func assigned(want kmsg.CreatePartitionsRequestTopic, more, replicas int) ([][]metadata.NodeID, error) {
	if len(want.Assignment) == 0 {
		return nil, nil
	}
	if len(want.Assignment) != more {
		return nil, protocol.Errorf(kerr.InvalidReplicaAssignment, "%d partitions are added, but %d assignments given", more, len(want.Assignment))
	}
	var placement [][]metadata.NodeID
	for _, a := range want.Assignment {
		if len(a.Replicas) != replicas {
			return nil, protocol.Errorf(kerr.InvalidReplicaAssignment, "the topic has %d replicas a partition, an assignment has %d", replicas, len(a.Replicas))
		}
		placement = append(placement, slices.Clone(a.Replicas))
	}
	return placement, nil
}
