package api

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// newTopic is a topic to be created: -1 partitions or replicas take the node's settings.
type newTopic struct {
	name       string
	partitions int
	replicas   int
	placement  [][]metadata.NodeID // given by the client; nil to have it chosen
	configs    map[string]string
	internal   bool
	chosen     bool // the placement is the cluster's choice, not the client's
	// replicas by the settings, if the client did not say: more than replicas while there are too few
	// nodes
	wanted int
}

// leadersWithin is how long the creation of a topic waits for its leaders, so that its client can
// go on at once.
const leadersWithin = 5 * time.Second

// plan fills in what the client left open and tells why the topic cannot be; nothing is changed.
func (n *newTopic) plan(c Cluster) error {
	if err := metadata.ValidateTopicName(n.name); err != nil {
		return err
	}
	for name, value := range n.configs {
		if err := metadata.ValidateTopicConfig(name, value); err != nil {
			return err
		}
	}
	if err := checkPairs(c, n.name, n.configs); err != nil {
		return err
	}
	if err := n.place(c); err != nil {
		return err
	}
	if err := c.Image().Creatable(n.command()); err != nil {
		return err
	}
	if n.internal {
		return nil // the cluster's own topics have room
	}
	if err := roomFor(c, n.partitions, n.replicas); err != nil {
		return err
	}
	return nil
}

// place chooses the nodes, unless the client has.
func (n *newTopic) place(c Cluster) error {
	if n.placement != nil {
		n.partitions, n.replicas = len(n.placement), len(n.placement[0])
		return nil
	}
	if n.partitions == -1 {
		n.partitions = int(setting(c, "num.partitions"))
	}
	if n.replicas == -1 {
		n.wants(c, "default.replication.factor")
	}
	if n.partitions < 1 {
		return protocol.Errorf(kerr.InvalidPartitions, "Number of partitions must be larger than 0, or -1 to use the default value.")
	}
	if n.partitions > mostPartitionsAtOnce {
		return errTooManyAtOnce
	}
	placement, err := c.Place(n.name, n.partitions, n.replicas)
	if err != nil {
		return err
	}
	n.placement, n.chosen = placement, true
	return nil
}

// wants takes the number of replicas from a setting: as many of them as there are nodes, and the
// others when more nodes come.
func (n *newTopic) wants(c Cluster, name string) {
	n.wanted = int(setting(c, name))
	n.replicas = min(n.wanted, max(1, c.Image().Homes()))
}

// command creates the planned topic.
func (n *newTopic) command() *metadata.CreateTopic {
	return &metadata.CreateTopic{
		Name: n.name, ID: metadata.TopicID(uuid.New()), Internal: n.internal, Placement: n.placement, Configs: n.configs, Wanted: n.wanted,
	}
}

// create has the planned topic created, and waits until its leaders are known here or for a while.
func (n *newTopic) create(ctx context.Context, c Cluster) (metadata.TopicID, error) {
	result, err := c.Submit(ctx, metadata.Command{CreateTopic: n.command()})
	if err != nil {
		return metadata.TopicID{}, err
	}
	if result.Err != nil {
		return metadata.TopicID{}, result.Err
	}
	awaitLeaders(ctx, c, n.name)
	return result.TopicID, nil
}

// awaitLeaders waits until every partition of a topic has a leader that this node knows.
func awaitLeaders(ctx context.Context, c Cluster, topic string) {
	ctx, cancel := c.Runtime().Timeout(ctx, leadersWithin)
	defer cancel()
	_ = c.AwaitLeaderships(ctx, func() bool {
		t, gone := topicNamed(c.Image(), topic)
		if gone != nil {
			return true
		}
		for _, p := range t.Partitions {
			if !c.Leadership(p.Shard).Known {
				return false
			}
		}
		return true
	})
}

// internalTopic creates one of the topics that Troupe keeps for itself, if it is not there; not
// before the founders are registered.
func internalTopic(ctx context.Context, c Cluster, name string, partitions, replicas string) error {
	if err := c.AwaitFormed(ctx); err != nil {
		return err
	}
	n := newTopic{
		name: name, partitions: int(setting(c, partitions)), configs: map[string]string{"cleanup.policy": "compact"}, internal: true,
	}
	n.wants(c, replicas)
	err := n.plan(c)
	if err == nil {
		_, err = n.createAgain(ctx, c)
	}
	if protocol.Code(err) == kerr.TopicAlreadyExists.Code {
		return nil
	}
	return err
}
