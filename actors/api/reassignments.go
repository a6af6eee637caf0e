package api

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Version notes
//
//	1  a reassignment may be forbidden to change the number of replicas (KIP-860)

// alterPartitionAssignments has partitions moved to other nodes, or calls moves off (KIP-455). It
// is answered when the cluster has taken note; listPartitionReassignments tells how it goes on.
func alterPartitionAssignments(c *Call) {
	request := c.Body.(*kmsg.AlterPartitionAssignmentsRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.AlterPartitionAssignmentsResponse)
		r.AllowReplicationFactorChange = request.Version < 1 || request.AllowReplicationFactorChange
		denied := c.ClusterWide(access.Alter)
		if denied != nil {
			r.ErrorCode, r.ErrorMessage = denied.Kafka.Code, protocol.Detail(denied)
		}
		ctx, cancel := c.timeout(request.TimeoutMillis)
		defer cancel()
		for _, t := range request.Topics {
			topic := kmsg.NewAlterPartitionAssignmentsResponseTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				out := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
				out.Partition = p.Partition
				err := error(denied)
				if denied == nil {
					err = reassign(ctx, c.Cluster, t.Topic, p, r.AllowReplicationFactorChange)
				}
				out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
				if err == nil {
					out.ErrorMessage = c.warnOfTwo(t.Topic, len(p.Replicas))
				}
				topic.Partitions = append(topic.Partitions, out)
			}
			r.Topics = append(r.Topics, topic)
		}
		c.Answer(r)
	})
}

// reassign moves one partition; null replicas call its move off.
func reassign(ctx context.Context, c Cluster, topic string, want kmsg.AlterPartitionAssignmentsRequestTopicPartition, resize bool) error {
	t, unknown := topicNamed(c.Image(), topic)
	if unknown != nil {
		return unknown
	}
	p, unknown := partitionOf(t, want.Partition)
	if unknown != nil {
		return unknown
	}
	nodes := want.Replicas
	if nodes == nil {
		before, moving := p.Before()
		if !moving {
			return protocol.Errorf(kerr.NoReassignmentInProgress, "%s-%d is not being reassigned", topic, want.Partition)
		}
		nodes = before
	} else {
		nodes = voting(p, nodes)
		if err := assignable(p, nodes, resize); err != nil {
			return err
		}
	}
	return submit(ctx, c, metadata.Command{AlterReplicas: &metadata.AlterReplicas{Shard: p.Shard, Seen: replicaIDs(p), Targets: p.Voting(nodes), Wanted: len(nodes)}})
}

// voting returns the nodes of a list that are meant to vote. Tools write back lists that they read,
// with the readers: those stay what they are if there are voters enough without them, else a voter
// is to take the reader's place.
func voting(p *metadata.Partition, nodes []metadata.NodeID) []metadata.NodeID {
	readers := readersOf(p)
	others := slices.DeleteFunc(slices.Clone(nodes), func(n metadata.NodeID) bool { return slices.Contains(readers, n) })
	if len(others) >= max(len(votersBefore(p)), p.Voters()) {
		return others
	}
	return nodes
}

// votersBefore returns the nodes that hold a partition's voters, those from before if it is moving.
func votersBefore(p *metadata.Partition) []metadata.NodeID {
	if before, moving := p.Before(); moving {
		return before
	}
	return p.Reassignment().Replicas
}

// assignable tells why a partition cannot be put on nodes, as far as that can be told before
// asking; nil if it can.
func assignable(p *metadata.Partition, nodes []metadata.NodeID, resize bool) *protocol.Error {
	had := votersBefore(p)
	switch {
	case len(nodes) == 0:
		return protocol.Errorf(kerr.InvalidReplicaAssignment, "no replicas are named: a partition needs one")
	case slices.ContainsFunc(nodes, func(n metadata.NodeID) bool { return n < 0 }):
		return protocol.Errorf(kerr.InvalidReplicaAssignment, "%v names a node below 0", nodes)
	case !resize && len(nodes) != len(had):
		return protocol.Errorf(kerr.InvalidReplicationFactor, "the partition has %d replicas, and the request forbids to make them %d", len(had), len(nodes))
	}
	return nil
}

func replicaIDs(p *metadata.Partition) []storage.ReplicaID {
	ids := make([]storage.ReplicaID, len(p.Replicas))
	for i, r := range p.Replicas {
		ids[i] = r.ID
	}
	return ids
}

// listPartitionReassignments tells which partitions are on the way to other nodes: of those asked
// for, or all.
func listPartitionReassignments(c *Call) {
	request := c.Body.(*kmsg.ListPartitionReassignmentsRequest)
	r := request.ResponseKind().(*kmsg.ListPartitionReassignmentsResponse)
	if err := c.ClusterWide(access.Describe); err != nil {
		r.ErrorCode, r.ErrorMessage = err.Kafka.Code, protocol.Detail(err)
		c.Answer(r)
		return
	}
	image := c.Cluster.Image()
	asked := allPartitions(image)
	if request.Topics != nil {
		asked = asked[:0]
		for _, t := range request.Topics {
			asked = append(asked, namedPartitions{t.Topic, t.Partitions})
		}
	}
	for _, t := range asked {
		topic := kmsg.NewListPartitionReassignmentsResponseTopic()
		topic.Topic = t.topic
		for _, n := range t.partitions {
			p, unknown := partitionNamed(image, t.topic, n)
			if unknown != nil {
				continue
			}
			m := p.Reassignment()
			if len(m.Adding)+len(m.Removing) == 0 {
				continue
			}
			out := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
			out.Partition, out.Replicas, out.AddingReplicas, out.RemovingReplicas = n, m.Replicas, m.Adding, m.Removing
			topic.Partitions = append(topic.Partitions, out)
		}
		if len(topic.Partitions) > 0 {
			r.Topics = append(r.Topics, topic)
		}
	}
	c.Answer(r)
}

// namedPartitions are partitions of a topic.
type namedPartitions struct {
	topic      string
	partitions []int32
}

// allPartitions are those of all topics, in order of name.
func allPartitions(image *metadata.Image) []namedPartitions {
	var all []namedPartitions
	for _, topic := range allTopics(image) {
		t := namedPartitions{topic: topic.Name}
		for n := range topic.Partitions {
			t.partitions = append(t.partitions, int32(n))
		}
		all = append(all, t)
	}
	return all
}
