package metadata

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/storage"
)

// commandVersion is the first byte of an encoded command; the rest is JSON.
const commandVersion = 1

// MaxCommandBytes bounds an encoded command: half of what an entry takes.
const MaxCommandBytes = storage.MaxEntryBytes / 2

// Encode writes a command as it stands in the log. It wraps a *protocol.Error if that would be
// larger than MaxCommandBytes.
func (c *Command) Encode() ([]byte, error) {
	if c.raw != nil {
		return c.raw, nil // byte for byte what was decoded: fields of a newer build stay
	}
	body, err := Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("metadata: encode a command: %w", err)
	}
	if len(body) >= MaxCommandBytes {
		return nil, protocol.Errorf(kerr.PolicyViolation, "the change takes %d bytes, more than %d: make it in parts", len(body), MaxCommandBytes)
	}
	return append([]byte{commandVersion}, body...), nil
}

// Decode reads what Encode wrote. A command of a version or kind that this build does not know is
// an error: going on without it would make this node's metadata another one than its peers'.
func Decode(b []byte) (Command, error) {
	var c Command
	if len(b) == 0 || b[0] != commandVersion {
		return c, errors.New("metadata: a command of a version that this build does not know: upgrade this node")
	}
	if err := Unmarshal(b[1:], &c); err != nil {
		return c, fmt.Errorf("metadata: decode a command: %w", err)
	}
	if c.kind() == nil {
		return c, errors.New("metadata: a command of a kind that this build does not know: upgrade this node")
	}
	c.raw = b
	return c, nil
}

// snapshotVersion is the first byte of a snapshot; the rest is JSON.
const snapshotVersion = 1

// snapshot is an image without what follows from the rest.
type snapshot struct {
	Index          uint64
	ClusterID      string
	Nodes          []*Node
	Topics         []*Topic
	Meta           *Partition
	Gone           map[NodeID][]uint64
	NodeConfigs    map[NodeID]map[string]string
	NextShard      uint64
	NextReplica    uint64
	NextProducerID int64
	Levels         map[string]int16 `json:",omitempty"`
	LevelsAt       uint64           `json:",omitempty"`
	Recoveries     []Recovery       `json:",omitempty"`

	Unknown Unknown `json:"-"`
}
