package metadata

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// Level 2 of ClusterVersion: what is placed and named is checked when a command is applied, ids can
// be skipped, and a node that is being decommissioned stays so when its disk is declared lost. The
// first builds do none of it, so that a cluster that has one of them must not either: its nodes
// would come to different images.
const checkedCommands int16 = 2

func (i *Image) checks() bool { return i.Feature(ClusterVersion) >= checkedCommands }

// Creatable tells why a topic cannot be created; nil if it can. A request is checked by it before
// anything is done, and the command when it is applied, so that what is only validated and what is
// carried out are answered alike.
func (i *Image) Creatable(c *CreateTopic) *protocol.Error {
	if i.Topics[c.Name] != nil {
		return protocol.Errorf(kerr.TopicAlreadyExists, "Topic '%s' already exists.", c.Name)
	}
	if err := ValidateTopicName(c.Name); err != nil {
		return err
	}
	if other := i.collides(c.Name); other != "" && !c.Internal {
		return protocol.Errorf(kerr.InvalidTopicException, "Topic '%s' collides with existing topic: %s", c.Name, other)
	}
	if len(c.Placement) == 0 {
		return protocol.Errorf(kerr.InvalidPartitions, "Number of partitions must be larger than 0, or -1 to use the default value.")
	}
	return i.Placeable(c.Placement, len(c.Placement[0]))
}

// Placeable tells why new partitions cannot be placed so, each with so many replicas; nil if they
// can. The texts are Kafka's.
func (i *Image) Placeable(placement [][]NodeID, replicas int) *protocol.Error {
	for _, nodes := range placement {
		if len(nodes) == 0 {
			return protocol.Errorf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
		}
		for at, n := range nodes {
			switch {
			case i.Nodes[n] == nil:
				return protocol.Errorf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but no such broker is registered.", n)
			case slices.Contains(nodes[:at], n):
				return protocol.Errorf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", n)
			}
			if err := i.MayPlace(n); err != nil {
				return err
			}
		}
		if len(nodes) != replicas {
			return protocol.Errorf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes a partition with %d replica(s), but this is not "+
				"consistent with previous partitions, which have %d replica(s).", len(nodes), replicas)
		}
	}
	return nil
}

// Homes is how many nodes replicas may be placed on.
func (i *Image) Homes() (n int) {
	for id := range i.Nodes {
		if i.MayPlace(id) == nil {
			n++
		}
	}
	return n
}

// Unregistered returns the founders of the cluster that have not registered yet, in order: it is
// still forming.
func (i *Image) Unregistered() (nodes []NodeID) {
	if i.Meta == nil {
		return nil
	}
	for _, r := range i.Meta.Replicas {
		if r.Founding && i.Nodes[r.Node] == nil {
			nodes = append(nodes, r.Node)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// collides returns the topic whose name differs from another one only in '.' against '_', empty if
// there is none: in the names of metrics both are '_', as in Kafka. The first one in order of name,
// so that all nodes answer the same.
func (i *Image) collides(name string) (with string) {
	if !slices.ContainsFunc([]byte(name), mixes) {
		return ""
	}
	for other := range i.Topics {
		if alike(name, other) && (with == "" || other < with) {
			with = other
		}
	}
	return with
}

func mixes(c byte) bool { return c == '.' || c == '_' }

func alike(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for at := range len(a) {
		if a[at] != b[at] && !(mixes(a[at]) && mixes(b[at])) {
			return false
		}
	}
	return true
}
