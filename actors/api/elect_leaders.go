package api

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Version notes
//
//	1  the kind of election (KIP-460)

// uncleanElection is the kind of election that gives the leadership to a replica which may lack
// records.
const uncleanElection = 1

// electLeaders has the preferred replicas lead, of the partitions asked for or of all. An unclean
// election is never held: Raft elects by a majority or not at all, and a lost majority is a case
// for `troupe cluster recover`, which says what it costs first.
func electLeaders(c *Call) {
	request := c.Body.(*kmsg.ElectLeadersRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.ElectLeadersResponse)
		if err := c.ClusterWide(access.Alter); err != nil {
			c.Answer(notElected(r, request.Topics, err))
			return
		}
		ctx, cancel := c.timeout(request.TimeoutMillis)
		defer cancel()
		asked := allPartitions(c.Cluster.Image())
		if request.Topics != nil {
			asked = asked[:0]
			asked = append(asked, namedOnce(request.Topics)...)
		}
		var each []func()
		outcomes := make([][]error, len(asked))
		for i, t := range asked {
			outcomes[i] = make([]error, len(t.partitions))
			for k, n := range t.partitions {
				each = append(each, func() { outcomes[i][k] = elect(ctx, c.Cluster, t.topic, n, request.ElectionType) })
			}
		}
		inParts(c.Cluster.Runtime(), len(each), func(i int) { each[i]() })
		for i, t := range asked {
			if out := elected(t, outcomes[i], request.Topics == nil); len(out.Partitions) > 0 {
				r.Topics = append(r.Topics, out)
			}
		}
		c.Answer(r)
	})
}

// notElected refuses a request as a whole.
func notElected(r *kmsg.ElectLeadersResponse, topics []kmsg.ElectLeadersRequestTopic, err *protocol.Error) *kmsg.ElectLeadersResponse {
	r.ErrorCode = err.Kafka.Code
	for _, t := range namedOnce(topics) {
		outcomes := make([]error, len(t.partitions))
		for i := range outcomes {
			outcomes[i] = err
		}
		r.Topics = append(r.Topics, elected(t, outcomes, false))
	}
	return r
}

// namedOnce are the partitions that a request names, each once, whether their topic is named once
// or several times.
func namedOnce(topics []kmsg.ElectLeadersRequestTopic) (all []namedPartitions) {
	at := make(map[string]int)
	for _, t := range topics {
		i, known := at[t.Topic]
		if !known {
			i = len(all)
			at[t.Topic], all = i, append(all, namedPartitions{topic: t.Topic})
		}
		all[i].partitions = append(all[i].partitions, t.Partitions...)
	}
	for i := range all {
		all[i].partitions = distinct(all[i].partitions, func(n int32) int32 { return n })
	}
	return all
}

// elected makes the answer for a topic. Who asks for all partitions is told of those where
// something was to be done.
func elected(t namedPartitions, outcomes []error, all bool) kmsg.ElectLeadersResponseTopic {
	topic := kmsg.NewElectLeadersResponseTopic()
	topic.Topic = t.topic
	for k, n := range t.partitions {
		err := outcomes[k]
		if all && protocol.Code(err) == kerr.ElectionNotNeeded.Code {
			continue
		}
		out := kmsg.NewElectLeadersResponseTopicPartition()
		out.Partition, out.ErrorCode, out.ErrorMessage = n, protocol.Code(err), protocol.Detail(err)
		topic.Partitions = append(topic.Partitions, out)
	}
	return topic
}

func elect(ctx context.Context, c Cluster, topic string, n int32, kind int8) error {
	t, unknown := topicNamed(c.Image(), topic)
	if unknown != nil {
		return unknown
	}
	p, unknown := partitionOf(t, n)
	if unknown != nil {
		return unknown
	}
	l := knownLeader(ctx, c, p.Shard)
	if kind == uncleanElection {
		if l.Known {
			return protocol.Errorf(kerr.ElectionNotNeeded, "%s-%d has a leader, node %d", topic, n, l.Node)
		}
		return protocol.Errorf(kerr.EligibleLeadersNotAvailable, "%s-%d has no leader because no majority of its replicas is up, and none is made of a minority by this "+
			"request: bring nodes back, or see `troupe cluster recover` if they are lost for good", topic, n)
	}
	preferred := p.Replicas[0].Node
	switch {
	case l.Known && l.Node == preferred:
		return protocol.Errorf(kerr.ElectionNotNeeded, "the preferred replica of %s-%d leads already", topic, n)
	case !l.Known || !c.Alive(preferred):
		return protocol.Errorf(kerr.PreferredLeaderNotAvailable, "node %d, which is to lead %s-%d, is down or the partition has no leader", preferred, topic, n)
	case c.Image().Nodes[preferred].State != metadata.Active:
		return protocol.Errorf(kerr.PreferredLeaderNotAvailable, "node %d, which is to lead %s-%d, is in state %s", preferred, topic, n, c.Image().Nodes[preferred].State)
	case !slices.Contains(l.InSync, preferred):
		return protocol.Errorf(kerr.PreferredLeaderNotAvailable, "node %d, which is to lead %s-%d, is not in sync", preferred, topic, n)
	}
	return c.Transfer(ctx, p.Shard, preferred)
}

// leaderWithin is how long an election that may be under way by itself is waited for.
const leaderWithin = 3 * time.Second

// knownLeader tells who leads a shard, waiting a moment for it if nobody is known to.
func knownLeader(ctx context.Context, c Cluster, s storage.ShardID) Leadership {
	ctx, cancel := c.Runtime().Timeout(ctx, leaderWithin)
	defer cancel()
	// else the answer says that there is none
	_ = c.AwaitLeaderships(ctx, func() bool { return c.Leadership(s).Known })
	return c.Leadership(s)
}
