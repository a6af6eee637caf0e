package consumer

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// Reply answers a request.
type Reply func(kmsg.Response)

// Record is a record for __consumer_offsets; a nil value deletes the key.
type Record struct{ Key, Value []byte }

// Write are records to be appended together. Done is called with what became of them, after they were given to Load if it was nil.
type Write struct {
	Records []Record
	Done    func(now int64, err *protocol.Error)
}

// Config bounds groups, by Kafka's settings.
type Config struct {
	InitialRebalanceDelayMS int64
	MinSessionTimeoutMS     int32
	MaxSessionTimeoutMS     int32
	MaxSize                 int
	MaxMetadataBytes        int
	OffsetsRetentionMS      int64
}

// Coordinator coordinates the groups of one partition. It has one owner, who after every call performs TakeWrites.
type Coordinator struct {
	config Config
	groups map[string]*group
	writes []Write
	// newID makes the random part of a member's id.
	newID func() string
}

// New makes a coordinator that knows no groups.
func New(c Config, newID func() string) *Coordinator {
	return &Coordinator{config: c, groups: make(map[string]*group), newID: newID}
}

// TakeWrites returns the records to be appended since the last call.
func (c *Coordinator) TakeWrites() []Write {
	w := c.writes
	c.writes = nil
	return w
}

func (c *Coordinator) write(records []Record, done func(now int64, err *protocol.Error)) {
	c.writes = append(c.writes, Write{records, done})
}
