package api

import (
	"maps"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Version notes
//
//	 1  no topics means none, null means all; rack, controller, internal
//	 2  cluster id
//	 4  auto creation can be forbidden
//	 5  offline replicas
//	 7  leader epoch
//	 8  authorized operations
//	10  topic ids
//	12  topics by id
//	13  an error for the whole answer

// noOperations says that authorized operations were not asked for.
const noOperations = math.MinInt32

// autoCreateTimeoutMS bounds the creation of topics that a client asked for.
const autoCreateTimeoutMS = 10_000

// clusterMetadata tells who is there and who leads what. Topics that are created on the way leave
// the reader goroutine.
func clusterMetadata(c *Call) {
	request := c.Body.(*kmsg.MetadataRequest)
	missing, denied := creatable(c, request)
	if len(missing) == 0 {
		c.Answer(describeMetadata(c, request, denied))
		return
	}
	c.Go(func() {
		ctx, cancel := c.timeout(autoCreateTimeoutMS)
		defer cancel()
		refused := denied
		forming := c.Cluster.AwaitFormed(ctx)
		for _, name := range missing {
			n := newTopic{name: name, partitions: -1, replicas: -1}
			err := forming
			if err == nil {
				err = ctx.Err() // a request may name any number: the rest is created when the client asks again
			}
			if err != nil {
				err = protocol.Errorf(kerr.LeaderNotAvailable, "%v", err) // which clients ask again for
			}
			if err == nil {
				err = n.plan(c.Cluster)
			}
			if err == nil {
				_, err = n.createAgain(ctx, c.Cluster)
				c.warnOfTwo(name, max(n.replicas, n.wanted))
			}
			if err != nil && protocol.Code(err) != kerr.TopicAlreadyExists.Code {
				refused[name] = err
			}
		}
		c.Answer(describeMetadata(c, request, refused))
	})
}

// creatable returns the topics asked for that are not there and may be created, and those that the
// client may not create.
func creatable(c *Call, request *kmsg.MetadataRequest) (names []string, denied map[string]error) {
	denied = make(map[string]error)
	if c.Cluster.Setting("auto.create.topics.enable") != "true" || request.Version >= 4 && !request.AllowAutoTopicCreation {
		return nil, denied
	}
	anyTopic := c.ClusterWide(access.Create) == nil
	for _, t := range request.Topics {
		if t.Topic == nil || t.TopicID != [16]byte{} || metadata.ValidateTopicName(*t.Topic) != nil || reserved(*t.Topic) {
			continue
		}
		if _, err := c.Topic(*t.Topic, t.TopicID, false, access.Describe); err == nil || err == errTopicDenied {
			continue
		}
		if anyTopic || c.may(access.Create, access.Topic, *t.Topic) {
			names = append(names, *t.Topic)
		} else {
			denied[*t.Topic] = errTopicDenied
		}
	}
	return distinct(names, func(name string) string { return name }), denied
}

// reserved reports whether a name is one that Troupe creates itself.
func reserved(name string) bool {
	return name == metadata.ConsumerOffsets || name == metadata.TransactionState
}

// cutOff reports whether this node reaches no majority of the cluster's nodes. It then names all of
// them to clients: whom it does not reach they may well, and a client that is told of this node
// alone forgets the others and asks nobody else until the cut is healed.
func cutOff(c Cluster, image *metadata.Image) bool {
	alive := 0
	for id := range image.Nodes {
		if c.Alive(id) {
			alive++
		}
	}
	return 2*alive <= len(image.Nodes)
}

func describeMetadata(c *Call, request *kmsg.MetadataRequest, refused map[string]error) *kmsg.MetadataResponse {
	image := c.Cluster.Image()
	r := request.ResponseKind().(*kmsg.MetadataResponse)
	r.AuthorizedOperations = c.clusterOperations(request.IncludeClusterAuthorizedOperations)
	if image.ClusterID != "" {
		r.ClusterID = &image.ClusterID
	}
	r.ControllerID = controller(c.Cluster)
	cut := cutOff(c.Cluster, image)
	for _, id := range slices.Sorted(maps.Keys(image.Nodes)) {
		at, ok := endpoint(image.Nodes[id], c.Listener)
		if !ok || !cut && !c.Cluster.Alive(id) {
			continue
		}
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack = id, at.Host, at.Port, rack(image.Nodes[id])
		r.Brokers = append(r.Brokers, b)
	}
	for _, t := range c.wanted(image, request) {
		r.Topics = append(r.Topics, c.describeTopic(image, t, request, refused))
	}
	return r
}

// controller is the node that leads __meta; this node if that is not known, so that clients have
// somewhere to ask.
func controller(c Cluster) metadata.NodeID {
	if n := c.MetaLeader(); n >= 0 {
		return n
	}
	return c.Self()
}

func rack(n *metadata.Node) *string {
	if n.Rack == "" {
		return nil
	}
	return &n.Rack
}

// wanted returns the topics that a request names; all that the client may describe for null, or for
// none in version 0.
func (c *Call) wanted(image *metadata.Image, request *kmsg.MetadataRequest) []kmsg.MetadataRequestTopic {
	if request.Topics != nil && (request.Version > 0 || len(request.Topics) > 0) {
		return distinct(request.Topics, func(t kmsg.MetadataRequestTopic) topicAsked { return topicAsked{t.TopicID, nameOf(t)} })
	}
	var all []kmsg.MetadataRequestTopic
	for _, name := range c.TopicsOf(image, access.Describe) {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		all = append(all, t)
	}
	return all
}

// topicAsked is how a request names a topic.
type topicAsked struct {
	id   metadata.TopicID
	name string
}

func nameOf(t kmsg.MetadataRequestTopic) string {
	if t.Topic == nil {
		return ""
	}
	return *t.Topic
}

func (c *Call) describeTopic(image *metadata.Image, want kmsg.MetadataRequestTopic, request *kmsg.MetadataRequest, refused map[string]error) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.AuthorizedOperations = want.Topic, want.TopicID, noOperations
	name := nameOf(want)
	t, err := c.TopicOf(image, name, want.TopicID, want.TopicID != [16]byte{}, access.Describe)
	if err != nil {
		out.ErrorCode = err.Kafka.Code
		if err == errTopicDenied {
			return out
		}
		if want.TopicID == [16]byte{} {
			if invalid := metadata.ValidateTopicName(name); invalid != nil {
				out.ErrorCode = invalid.Kafka.Code
			}
		}
		if because := refused[name]; because != nil {
			out.ErrorCode = protocol.Code(because)
		}
		return out
	}
	out.Topic, out.TopicID, out.IsInternal = &t.Name, t.ID, t.Internal
	out.AuthorizedOperations = c.operations(request.IncludeTopicAuthorizedOperations, access.Resource{Kind: access.Topic, Name: t.Name})
	for _, p := range t.Partitions {
		out.Partitions = append(out.Partitions, describePartition(c.Cluster, p))
	}
	return out
}

func describePartition(c Cluster, p *metadata.Partition) kmsg.MetadataResponseTopicPartition {
	out := kmsg.NewMetadataResponseTopicPartition()
	out.Partition, out.Leader, out.LeaderEpoch = p.Index, -1, -1
	out.OfflineReplicas = []int32{}
	readers := readersOf(p)
	out.Replicas = slices.Concat(p.Reassignment().Replicas, readers)
	for _, n := range out.Replicas {
		if !c.Alive(n) {
			out.OfflineReplicas = append(out.OfflineReplicas, n)
		}
	}
	l := c.Leadership(p.Shard)
	if !l.Known {
		out.ErrorCode = kerr.LeaderNotAvailable.Code
		out.ISR = []int32{}
		return out
	}
	out.Leader, out.LeaderEpoch, out.ISR = l.Node, l.Epoch, l.InSync
	// else the ISR would seem to have more that count for min.insync.replicas
	if len(l.InSync)+len(readers) == len(out.Replicas) {
		out.ISR = slices.Concat(l.InSync, slices.DeleteFunc(readers, func(n metadata.NodeID) bool { return !c.Alive(n) }))
	}
	return out
}

// readersOf returns the nodes with read-only replicas of a partition that hold no voter of it.
// Clients go to no node to read that is not among a partition's replicas.
func readersOf(p *metadata.Partition) (nodes []metadata.NodeID) {
	voters := p.Reassignment().Replicas
	for _, r := range p.Replicas {
		if r.Role == metadata.Reader && !slices.Contains(voters, r.Node) {
			nodes = append(nodes, r.Node)
		}
	}
	return nodes
}
