package group

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Reply answers a request.
type Reply func(kmsg.Response)

// Config bounds groups, mostly by Kafka's settings.
type Config struct {
	InitialRebalanceDelayMS int64
	MinSessionTimeoutMS     int32
	MaxSessionTimeoutMS     int32
	MaxSize                 int // members of a group
	MaxMetadataBytes        int // of one committed offset
	OffsetsRetentionMS      int64
	// MaxWriteBytes bounds the records that one request makes; 0 is DefaultWriteBytes.
	MaxWriteBytes int
	// Budget is the memory that groups may take; nil does not bound it.
	Budget Budget
}

// DefaultWriteBytes is far above what groups write (Kafka allows 1 MiB), and far below the largest
// entry of a log.
const DefaultWriteBytes = 8 << 20

// Coordinator coordinates the groups of one partition. It has one owner, who after every call
// appends TakeWrites in order, calls Committed when they are durable, and Abandon when one of them
// is not.
type Coordinator struct {
	config Config
	groups map[string]*group
	// newID makes the random part of a member's id.
	newID func() string

	writes   []*Write          // not committed, in order
	taken    int               // how many of them the owner has
	open     map[string]*Write // the last write not committed, by group
	readOnly bool              // see ReadOnly
	gone     bool              // Abandon was called
	bytes    int64             // taken from the budget
	// loaded is when Loaded was called. A new group's members that come soon after may have waited for
	// others at the coordinator before this one, whose log does not say so: they do not wait again, or
	// coordinators that do not live long would never let anybody in.
	loaded int64
}

// New makes a coordinator that knows no groups.
func New(c Config, newID func() string) *Coordinator {
	if c.MaxWriteBytes == 0 {
		c.MaxWriteBytes = DefaultWriteBytes
	}
	return &Coordinator{config: c, groups: make(map[string]*group), open: make(map[string]*Write), newID: newID, loaded: math.MinInt64 / 2}
}
