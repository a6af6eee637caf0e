package group

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// Config bounds groups, mostly by Kafka's settings.
type Config struct {
	InitialRebalanceDelayMS int64
	MinSessionTimeoutMS     int32
	MaxSessionTimeoutMS     int32
	MaxSize                 int // members of a group
	MaxMetadataBytes        int // of one committed offset
	OffsetsRetentionMS      int64
	// MaxWriteBytes bounds the records that one request makes; 0 is coordination.MaxWriteBytes.
	MaxWriteBytes int
	// Budget is the memory that groups may take; nil does not bound it.
	Budget coordination.Budget
}

// Coordinator coordinates the groups of one partition; it is a coordination.Core.
type Coordinator struct {
	coordination.Uncommitted
	writer coordination.Writer
	memory coordination.Account // of all groups
	config Config
	groups map[string]*group
	// newID makes the random part of a member's id.
	newID func() string
	// loaded is when Loaded was called. A new group's members that come soon after may have waited for
	// others at the coordinator before this one, whose log does not say so: they do not wait again, or
	// coordinators that do not live long would never let anybody in.
	loaded int64
}

// New makes a coordinator that knows no groups.
func New(config Config, newID func() string) *Coordinator {
	c := &Coordinator{
		config: config, memory: coordination.NewAccount(config.Budget), groups: make(map[string]*group), newID: newID,
		loaded: math.MinInt64 / 2,
	}
	c.writer = coordination.NewWriter(&c.Uncommitted, c.decode, config.MaxWriteBytes)
	return c
}

// Replay implements coordination.Core. Keys of kinds that are not known (of newer versions, of
// other coordinators) are passed over, as Kafka does. Of a record that cannot be read it takes what
// cannot mislead:
//   - whose key is unreadable is of a group that cannot be asked for; it is left out;
//   - an offset is known to be lost, not taken for the one before it (see Fetched.Lost);
//   - a group has no members, who join again; its offsets stay.
func (c *Coordinator) Replay(by coordination.Producer, r coordination.Record) error {
	return c.writer.Replay(by, r)
}

// Loaded implements coordination.Core.
func (c *Coordinator) Loaded(now int64) {
	c.loaded = now
	for _, g := range c.groups {
		g.stale = true
		g.kind.loaded(now)
	}
}

// Abandon implements coordination.Core.
func (c *Coordinator) Abandon(cause *kerr.Error) {
	c.Uncommitted.Abandon(cause)
	for _, id := range c.groupsWhere(anyGroup) {
		c.groups[id].kind.abandon(cause)
	}
	c.memory.Close()
}

// held begins a request about a group; see Held.
func (c *Coordinator) held(id string, reply coordination.Reply, refusal func(*kerr.Error) kmsg.Response) coordination.Reply {
	if g := c.groups[id]; g != nil {
		g.stale = true
	}
	return c.Held(id, reply, refusal)
}
