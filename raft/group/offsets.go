package group

import (
	"cmp"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// offsetKey says what an offset is of.
type offsetKey struct {
	topic     string
	partition int32
}

// offset is a committed offset.
type offset struct {
	offset   int64
	epoch    int32
	metadata string
	at       int64 // when it was committed
	expires  int64 // when it expires, if its client said so; 0: by the settings
	topicID  [16]byte
	lost     bool // its record cannot be read: what was committed is not known
}

// Topics tells the present id of a topic and how many partitions it has, 0 if there is none of that
// name.
type Topics func(name string) (id [16]byte, partitions int)

// Commit takes an OffsetCommit request whose topics are named; partitions that are not there are
// refused one by one.
func (c *Coordinator) Commit(now int64, r *kmsg.OffsetCommitRequest, topics Topics, reply coordination.Reply) {
	refuse := func(err *kerr.Error) kmsg.Response {
		return commitAnswer(r, func(kmsg.OffsetCommitRequestTopic, kmsg.OffsetCommitRequestTopicPartition) *kerr.Error { return err })
	}
	reply = c.held(r.Group, reply, refuse)
	g := c.groups[r.Group]
	if err := mayCommit(g, now, r); err != nil {
		reply(refuse(err))
		return
	}
	expires := expiresAt(now, r)
	var records []coordination.Record
	var grows int64
	if g == nil {
		grows += groupOverhead
	}
	out := commitAnswer(r, func(t kmsg.OffsetCommitRequestTopic, p kmsg.OffsetCommitRequestTopicPartition) *kerr.Error {
		o, err := c.offsetOf(now, t, p, topics)
		if err != nil {
			return err
		}
		o.expires = expires
		k := offsetKey{t.Topic, p.Partition}
		grows += g.grows(k, o)
		records = append(records, offsetRecord(r.Group, k, o))
		return nil
	})
	if !c.memory.Room(grows) {
		reply(refuse(kerr.CoordinatorNotAvailable))
		return
	}
	if len(records) > 0 {
		if err := c.writer.Write(r.Group, records); err != nil {
			reply(refuse(commitError(err)))
			return
		}
	}
	reply(out)
}

// offsetOf is what a request commits for a partition, or why it cannot.
func (c *Coordinator) offsetOf(now int64, t kmsg.OffsetCommitRequestTopic, p kmsg.OffsetCommitRequestTopicPartition, topics Topics) (offset, *kerr.Error) {
	id, partitions := topics(t.Topic)
	if p.Partition < 0 || int(p.Partition) >= partitions {
		return offset{}, kerr.UnknownTopicOrPartition
	}
	o := offset{offset: p.Offset, epoch: p.LeaderEpoch, at: now, topicID: id}
	if p.Metadata != nil {
		o.metadata = *p.Metadata
	}
	if len(o.metadata) > min(c.config.MaxMetadataBytes, math.MaxInt16) {
		return offset{}, kerr.OffsetMetadataTooLarge
	}
	return o, nil
}

// expiresAt is when offsets expire that a request says the time of, 0 if it does not. Only versions
// 2 to 4 can.
func expiresAt(now int64, r *kmsg.OffsetCommitRequest) int64 {
	keep := r.RetentionTimeMillis
	switch {
	case r.Version > 4 || keep == -1:
		return 0
	case keep > math.MaxInt64-now:
		return math.MaxInt64
	}
	return max(1, now+keep)
}

// grows is how much more memory a group takes with an offset. g may be nil.
func (g *group) grows(k offsetKey, o offset) int64 {
	if g != nil {
		if before, ok := g.offsets[k]; ok {
			return offsetBytes(k, o) - offsetBytes(k, before)
		}
	}
	return offsetBytes(k, o)
}

// commitError is what Kafka calls a commit whose records are too large together.
func commitError(err *kerr.Error) *kerr.Error {
	if err == kerr.RecordListTooLarge {
		return kerr.InvalidCommitOffsetSize
	}
	return err
}

// commitAnswer fills an answer with the outcome of each partition.
func commitAnswer(r *kmsg.OffsetCommitRequest, outcome func(kmsg.OffsetCommitRequestTopic, kmsg.OffsetCommitRequestTopicPartition) *kerr.Error) *kmsg.OffsetCommitResponse {
	out := r.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, t := range r.Topics {
		topic := kmsg.NewOffsetCommitResponseTopic()
		topic.Topic, topic.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			part := kmsg.NewOffsetCommitResponseTopicPartition()
			part.Partition = p.Partition
			if err := outcome(t, p); err != nil {
				part.ErrorCode = err.Code
			}
			topic.Partitions = append(topic.Partitions, part)
		}
		out.Topics = append(out.Topics, topic)
	}
	return out
}

// mayCommit tells why a commit is refused as a whole. g may be nil: whoever is no member may commit
// for a group that is not there.
func mayCommit(g *group, now int64, r *kmsg.OffsetCommitRequest) *kerr.Error {
	switch {
	case r.Group == "" || len(r.Group) > maxGroupBytes:
		return kerr.InvalidGroupID
	case g != nil:
		return g.kind.mayCommit(now, r)
	case r.Generation < 0:
		return nil
	case r.Version >= 9:
		return kerr.GroupIDNotFound
	}
	return kerr.IllegalGeneration
}

// Fetched is a committed offset as OffsetFetch tells it; Offset is -1 if there is none.
type Fetched struct {
	Topic     string
	Partition int32
	Offset    int64
	Epoch     int32
	Metadata  string
	// Lost reports that something was committed whose record cannot be read. To say that nothing was
	// would have the group read from an end of its choice.
	Lost bool
}

// Fetch returns a group's offsets of one topic's partitions; see When. A topic that was made anew
// has none.
func (c *Coordinator) Fetch(group, topic string, id [16]byte, partitions []int32) []Fetched {
	g := c.groups[group]
	var all []Fetched
	for _, p := range partitions {
		f := Fetched{Topic: topic, Partition: p, Offset: -1, Epoch: -1}
		if g != nil {
			if o, ok := g.offsets[offsetKey{topic, p}]; ok && o.of(id) {
				f.Offset, f.Epoch, f.Metadata, f.Lost = o.offset, o.epoch, o.metadata, o.lost
			}
		}
		all = append(all, f)
	}
	return all
}

// of reports whether an offset was committed for the topic with this id; one written without an id
// is taken for it.
func (o offset) of(id [16]byte) bool { return o.topicID == id || o.topicID == [16]byte{} }

// FetchAll returns all offsets of a group for topics that are there, in order of topic and
// partition.
func (c *Coordinator) FetchAll(group string, topics Topics) []Fetched {
	g := c.groups[group]
	if g == nil {
		return nil
	}
	var all []Fetched
	for k, o := range g.offsets {
		if id, n := topics(k.topic); n > 0 && o.of(id) {
			all = append(all, Fetched{k.topic, k.partition, o.offset, o.epoch, o.metadata, o.lost})
		}
	}
	slices.SortFunc(all, func(a, b Fetched) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all
}

// CheckFetch tells why a member may not fetch (KIP-447 and version 9's member id); nil for others.
func (c *Coordinator) CheckFetch(group string, member *string, epoch int32) *kerr.Error {
	if member == nil || *member == "" || epoch < 0 {
		return nil
	}
	if g := c.groups[group]; g != nil {
		return g.kind.mayFetch(*member, epoch)
	}
	return kerr.UnknownMemberID
}
