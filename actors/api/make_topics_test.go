package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// give has a command carried out.
func (o *operated) give(t *testing.T, c metadata.Command) {
	t.Helper()
	if err := submit(context.Background(), o, c); err != nil {
		t.Fatal(err)
	}
}

// placed asks for a topic whose partitions are placed by the client.
func placed(name string, validate bool, partitions ...[]int32) *kmsg.CreateTopicsRequest {
	r := creation([]string{name}, -1, -1)
	r.ValidateOnly = validate
	for at, nodes := range partitions {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(at), nodes
		r.Topics[0].ReplicaAssignment = append(r.Topics[0].ReplicaAssignment, a)
	}
	return r
}

// What is wrong with a topic is said alike whether the request only validates or creates, in
// Kafka's words; nothing is created.
func TestWhatIsWrongWithATopic(t *testing.T) {
	for _, validate := range []bool{true, false} {
		c := &bounded{operate(t, 5), 1000}
		c.give(t, metadata.Command{CreateTopic: &metadata.CreateTopic{Name: "a.b", ID: metadata.TopicID{2}, Placement: [][]metadata.NodeID{{1}}}})
		c.give(t, metadata.Command{DrainNode: &metadata.DrainNode{Node: 4}})
		c.give(t, metadata.Command{ReplaceNode: &metadata.ReplaceNode{Node: 5}})
		for _, one := range []struct {
			request *kmsg.CreateTopicsRequest
			want    *kerr.Error
			text    string
		}{
			{placed("n", validate, []int32{1, 9}), kerr.InvalidReplicaAssignment, "includes broker 9, but no such broker is registered"},
			{placed("n", validate, []int32{1, 1}), kerr.InvalidReplicaAssignment, "includes the broker 1 more than once"},
			{placed("n", validate, []int32{}), kerr.InvalidReplicaAssignment, "empty replica list"},
			{placed("n", validate, []int32{1, 2}, []int32{}), kerr.InvalidReplicaAssignment, "empty replica list"},
			{placed("n", validate, []int32{1, 2}, []int32{3}), kerr.InvalidReplicaAssignment, "a partition with 1 replica(s), but this is not consistent"},
			{placed("n", validate, []int32{4}), kerr.InvalidReplicaAssignment, "node 4 is draining"},
			{placed("n", validate, []int32{1, 5}), kerr.InvalidReplicaAssignment, "node 5 is replacing"},
			{placed("a_b", validate, []int32{1}), kerr.InvalidTopicException, "Topic 'a_b' collides with existing topic: a.b"},
			{placed("t", validate, []int32{1}), kerr.TopicAlreadyExists, "Topic 't' already exists."},
		} {
			r := answer[*kmsg.CreateTopicsResponse](t, c, createTopics, one.request)
			says(t, fmt.Sprintf("validate only %v, %s", validate, one.text), told(r.Topics[0].ErrorCode, r.Topics[0].ErrorMessage), one.want, one.text)
		}
		if len(c.Image().Topics) != 2 {
			t.Errorf("%d topics", len(c.Image().Topics))
		}
	}
}

// Partitions are added by the same rules, and Kafka's words say why there are not more.
func TestWhatIsWrongWithMorePartitions(t *testing.T) {
	c := &bounded{operate(t, 4), 1000}
	c.give(t, metadata.Command{DrainNode: &metadata.DrainNode{Node: 4}})
	for _, validate := range []bool{true, false} {
		for _, one := range []struct {
			count int32
			nodes []int32
			want  *kerr.Error
			text  string
		}{
			{1, nil, kerr.InvalidPartitions, "Topic already has 1 partition(s)."},
			{0, nil, kerr.InvalidPartitions, "The topic t currently has 1 partition(s); 0 would not be an increase."},
			{3, []int32{1, 2, 3}, kerr.InvalidReplicaAssignment, "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified."},
			{2, []int32{1, 2}, kerr.InvalidReplicaAssignment, "not consistent with previous partitions, which have 3"},
			{2, []int32{1, 2, 4}, kerr.InvalidReplicaAssignment, "node 4 is draining"},
			{2, []int32{1, 2, 9}, kerr.InvalidReplicaAssignment, "no such broker is registered"},
		} {
			r := kmsg.NewPtrCreatePartitionsRequest()
			r.Version, r.TimeoutMillis, r.ValidateOnly = 3, 1000, validate
			more := kmsg.NewCreatePartitionsRequestTopic()
			more.Topic, more.Count = "t", one.count
			if one.nodes != nil {
				a := kmsg.NewCreatePartitionsRequestTopicAssignment()
				a.Replicas = one.nodes
				more.Assignment = append(more.Assignment, a)
			}
			r.Topics = append(r.Topics, more)
			got := answer[*kmsg.CreatePartitionsResponse](t, c, createPartitions, r).Topics[0]
			says(t, fmt.Sprintf("validate only %v, %d partitions on %v", validate, one.count, one.nodes), told(got.ErrorCode, got.ErrorMessage), one.want, one.text)
		}
	}
}

// Whoever makes a topic with two replicas is told that it stops when one of two nodes is down; it
// is made nevertheless.
func TestTwoReplicasAreWarnedOf(t *testing.T) {
	c := &bounded{operate(t, 3), 1000}
	for replicas, warned := range map[int16]bool{1: false, 2: true, 3: false} {
		r := answer[*kmsg.CreateTopicsResponse](t, c, createTopics, creation([]string{"n"}, 1, replicas)).Topics[0]
		if r.ErrorCode != 0 || (r.ErrorMessage != nil) != warned || warned && !strings.Contains(*r.ErrorMessage, "stops while one of their two nodes is down") {
			t.Errorf("%d replicas: %d, %v", replicas, r.ErrorCode, protocol.Detail(told(r.ErrorCode, r.ErrorMessage)))
		}
	}
}

// forming is a cluster of three founders of which two are registered.
func forming(t *testing.T) *bounded {
	t.Helper()
	o := &operated{machine: metadata.NewMachine()}
	o.give(t, metadata.Command{FormCluster: &metadata.FormCluster{ClusterID: "c", Founders: map[metadata.NodeID]uint64{1: 1, 2: 2, 3: 3}, Levels: metadata.Newest()}})
	for id := range metadata.NodeID(2) {
		o.register(t, id+1)
	}
	return &bounded{o, 1000}
}

func (o *operated) register(t *testing.T, id metadata.NodeID) {
	t.Helper()
	o.give(t, metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: id, Incarnation: uint64(id), Features: metadata.Features}}})
}

// While a cluster forms no topic is made with fewer replicas than it should have, whichever way it
// is made: the client asks again, and gets it once the founders are there.
func TestNoTopicIsMadeWhileTheClusterForms(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // it is not waited for longer
	c := forming(t)
	offsets := func(ctx context.Context) error {
		return internalTopic(ctx, c, metadata.ConsumerOffsets, "offsets.topic.num.partitions", "offsets.topic.replication.factor")
	}
	says(t, "the topic of offsets", offsets(ctx), kerr.RequestTimedOut, "forming")
	request := creation([]string{"n"}, 1, -1)
	request.ValidateOnly, request.TimeoutMillis = false, 1
	r := answer[*kmsg.CreateTopicsResponse](t, c, createTopics, request).Topics[0]
	says(t, "a topic that does not say", told(r.ErrorCode, r.ErrorMessage), kerr.RequestTimedOut, "forming")
	if len(c.Image().Topics) > 0 {
		t.Fatalf("topics were made: %v", c.Image().Topics)
	}

	c.register(t, 3)
	says(t, "the topic of offsets", offsets(ctx), nil, "")
	if p := c.Image().Topics[metadata.ConsumerOffsets].Partitions[0]; p.Voters() != 3 || p.Wanted != 0 {
		t.Errorf("%+v", p)
	}
}

// A topic that gets fewer replicas than the settings say, because there are no more nodes, says how
// many it should have, and so do partitions that are added to it.
func TestWhatATopicShouldHaveIsRecorded(t *testing.T) {
	o := &operated{machine: metadata.NewMachine()}
	o.give(t, metadata.Command{FormCluster: &metadata.FormCluster{ClusterID: "c", Founders: map[metadata.NodeID]uint64{1: 1}, Levels: metadata.Newest()}})
	o.register(t, 1)
	c := &bounded{o, 1000}
	request := creation([]string{"n"}, 1, -1)
	request.ValidateOnly = false
	answer[*kmsg.CreateTopicsResponse](t, c, createTopics, request)
	o.register(t, 2)
	more := kmsg.NewCreatePartitionsRequestTopic()
	more.Topic, more.Count = "n", 2
	if err := addPartitions(context.Background(), c, c.Image().Topics[more.Topic], more, false); err != nil {
		t.Fatal(err)
	}
	for at, voters := range []int{1, 2} {
		if p := c.Image().Partition("n", int32(at)); p.Voters() != voters || p.Wanted != 3 {
			t.Errorf("partition %d: %+v", at, p)
		}
	}
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Replicas = []int32{1, 2} // the operator's word counts from now on
	if err := reassign(context.Background(), c, "n", p, true); err != nil {
		t.Fatal(err)
	}
	if p := c.Image().Partition("n", 0); p.Wanted != 2 {
		t.Errorf("%+v", p)
	}
}
