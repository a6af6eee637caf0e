package metadata

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/troupe-mq/troupe/storage"
)

// Machine is the state machine of __meta; it implements raft.Machine. It has one owner; the images
// it makes are anybody's.
type Machine struct{ image *Image }

// NewMachine makes a machine of no node, with the image of a cluster that has not formed.
func NewMachine() *Machine { return NewMachineOn(Local{Node: DefaultNode}) }

// NewMachineOn makes the machine of a node: its images know which settings count there.
func NewMachineOn(l Local) *Machine { return &Machine{image: empty(l)} }

func empty(l Local) *Image {
	i := &Image{
		Nodes:          map[NodeID]*Node{},
		Topics:         map[string]*Topic{},
		ByID:           map[TopicID]*Topic{},
		Shards:         map[storage.ShardID]ShardRef{},
		Gone:           map[NodeID][]uint64{},
		NodeConfigs:    map[NodeID]map[string]string{},
		NextShard:      FirstShard,
		NextReplica:    FirstReplica,
		NextProducerID: 0,
		local:          l,
	}
	i.resolveAll()
	return i
}

// Image returns the image as of the last applied entry.
func (m *Machine) Image() *Image { return m.image }

// Append implements raft.Machine: nothing depends on what is not committed.
func (m *Machine) Append(uint64, uint64, []byte) error { return nil }

// Apply implements raft.Machine. The result is a Result.
func (m *Machine) Apply(index, _ uint64, data []byte) (any, error) {
	if data == nil {
		m.image = m.image.at(index)
		return Result{Index: index}, nil
	}
	c, err := Decode(data)
	if err != nil {
		return nil, err
	}
	if c.UpdateFeatures != nil {
		if err := m.image.strange(c.UpdateFeatures); err != nil {
			return nil, err
		}
	}
	next := m.image.at(index)
	result := Result{Index: index}
	if refused := c.kind().apply(next, &result); refused != nil {
		next = m.image.at(index)
		result = Result{Index: index, Err: refused}
	}
	if next.LevelsAt != m.image.LevelsAt {
		if err := next.beyond(); err != nil {
			return nil, err
		}
	}
	m.image = next
	return result, nil
}

// at returns a copy that shares everything, as of another entry.
func (i *Image) at(index uint64) *Image {
	next := *i
	next.Index = index
	return &next
}

// Snapshot implements raft.Machine.
func (m *Machine) Snapshot() []byte {
	i := m.image
	s := snapshot{
		Index: i.Index, ClusterID: i.ClusterID, Meta: i.Meta, Gone: i.Gone, NodeConfigs: i.NodeConfigs,
		NextShard: uint64(i.NextShard), NextReplica: uint64(i.NextReplica), NextProducerID: i.NextProducerID,
		Levels: i.Levels, LevelsAt: i.LevelsAt, Recoveries: i.Recoveries, Unknown: i.Unknown,
	}
	for _, n := range slices.Sorted(maps.Keys(i.Nodes)) {
		s.Nodes = append(s.Nodes, i.Nodes[n])
	}
	s.Topics = slices.SortedFunc(maps.Values(i.Topics), func(a, b *Topic) int { return strings.Compare(a.Name, b.Name) })
	body, err := Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("metadata: an image cannot be encoded: %v", err)) // made of plain values only
	}
	return append([]byte{snapshotVersion}, body...)
}

// Restore implements raft.Machine.
func (m *Machine) Restore(b []byte) error {
	if b == nil {
		m.image = empty(m.image.local)
		return nil
	}
	if len(b) == 0 || b[0] != snapshotVersion {
		return errors.New("metadata: a snapshot of a version that this build does not know: upgrade this node")
	}
	var s snapshot
	if err := Unmarshal(b[1:], &s); err != nil {
		return fmt.Errorf("metadata: decode a snapshot: %w", err)
	}
	i := s.image(m.image.local)
	if err := i.beyond(); err != nil {
		return err
	}
	m.image = i
	return nil
}

func (s *snapshot) image(l Local) *Image {
	i := empty(l)
	i.Index, i.ClusterID = s.Index, s.ClusterID
	i.NextShard, i.NextReplica, i.NextProducerID = storage.ShardID(s.NextShard), storage.ReplicaID(s.NextReplica), s.NextProducerID
	i.Meta, i.Levels, i.LevelsAt, i.Recoveries, i.Unknown = s.Meta, s.Levels, s.LevelsAt, s.Recoveries, s.Unknown
	if s.Gone != nil {
		i.Gone = s.Gone
	}
	if s.NodeConfigs != nil {
		i.NodeConfigs = s.NodeConfigs
	}
	for _, n := range s.Nodes {
		i.Nodes[n.ID] = n
	}
	for _, t := range s.Topics {
		i.Topics[t.Name], i.ByID[t.ID] = t, t
		for _, p := range t.Partitions {
			i.Shards[p.Shard] = ShardRef{t.Name, p.Index}
		}
	}
	i.resolveAll()
	return i
}
