package consumer

import (
	"cmp"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
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
	topicID  [16]byte
}

// TopicIDs tells the present id of a topic; ok is false if there is none of that name.
type TopicIDs func(name string) (id [16]byte, ok bool)

// Commit takes an OffsetCommit request whose topics are named; topics without an id in ids are refused one by one.
func (c *Coordinator) Commit(now int64, r *kmsg.OffsetCommitRequest, ids TopicIDs, reply Reply) {
	out := r.ResponseKind().(*kmsg.OffsetCommitResponse)
	g := c.groups[r.Group]
	if err := c.mayCommit(g, now, r); err != nil {
		reply(commitAnswer(out, r, func(kmsg.OffsetCommitRequestTopic, kmsg.OffsetCommitRequestTopicPartition) *kerr.Error { return err }))
		return
	}
	if g == nil {
		g = newGroup(r.Group, now)
	}
	commits := make(map[offsetKey]offset)
	var records []Record
	commitAnswer(out, r, func(t kmsg.OffsetCommitRequestTopic, p kmsg.OffsetCommitRequestTopicPartition) *kerr.Error {
		o := offset{offset: p.Offset, epoch: p.LeaderEpoch, at: now}
		var known bool
		if o.topicID, known = ids(t.Topic); !known {
			return kerr.UnknownTopicOrPartition
		}
		if p.Metadata != nil {
			o.metadata = *p.Metadata
		}
		if len(o.metadata) > c.config.MaxMetadataBytes {
			return kerr.OffsetMetadataTooLarge
		}
		k := offsetKey{t.Topic, p.Partition}
		commits[k] = o
		records = append(records, offsetRecord(r.Group, k, o))
		return nil
	})
	if len(records) == 0 {
		reply(out)
		return
	}
	c.groups[r.Group] = g
	c.write(records, func(_ int64, err *protocolError) {
		if err == nil {
			if c.groups[r.Group] == nil { // the group was forgotten meanwhile
				c.groups[r.Group] = g
			}
			maps.Copy(c.groups[r.Group].offsets, commits)
			reply(out)
			return
		}
		c.tidy(g)
		fresh := r.ResponseKind().(*kmsg.OffsetCommitResponse)
		reply(commitAnswer(fresh, r, func(kmsg.OffsetCommitRequestTopic, kmsg.OffsetCommitRequestTopicPartition) *kerr.Error {
			return translate(err)
		}))
	})
}

// commitAnswer fills an answer with the outcome of each partition.
func commitAnswer(out *kmsg.OffsetCommitResponse, r *kmsg.OffsetCommitRequest, outcome func(kmsg.OffsetCommitRequestTopic, kmsg.OffsetCommitRequestTopicPartition) *kerr.Error) *kmsg.OffsetCommitResponse {
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

// mayCommit tells why a commit is refused as a whole. Who is not a member (generation -1) may commit while nobody is.
func (c *Coordinator) mayCommit(g *group, now int64, r *kmsg.OffsetCommitRequest) *kerr.Error {
	switch {
	case r.Group == "":
		return kerr.InvalidGroupID
	case r.Generation < 0 && r.MemberID == "" && r.InstanceID == nil:
		if g != nil && len(g.members) > 0 {
			return kerr.UnknownMemberID
		}
		return nil
	case g == nil:
		if r.Generation < 0 {
			return nil
		}
		return kerr.IllegalGeneration
	}
	m, refused := g.known(r.MemberID, r.InstanceID)
	switch {
	case refused != nil:
		return refused
	case r.Generation != g.generation:
		return kerr.IllegalGeneration
	case g.state == completing:
		return kerr.RebalanceInProgress
	}
	m.heard(now)
	return nil
}

// Fetched is a committed offset as OffsetFetch tells it; Offset is -1 if there is none.
type Fetched struct {
	Topic     string
	Partition int32
	Offset    int64
	Epoch     int32
	Metadata  string
}

// Fetch returns a group's offsets of one topic's partitions. A topic that was made anew has none.
func (c *Coordinator) Fetch(group, topic string, id [16]byte, partitions []int32) []Fetched {
	g := c.groups[group]
	var all []Fetched
	for _, p := range partitions {
		f := Fetched{topic, p, -1, -1, ""}
		if g != nil {
			if o, ok := g.offsets[offsetKey{topic, p}]; ok && o.of(id) {
				f.Offset, f.Epoch, f.Metadata = o.offset, o.epoch, o.metadata
			}
		}
		all = append(all, f)
	}
	return all
}

// of tells whether an offset was committed for the topic with this id; one written without an id is taken for it.
func (o offset) of(id [16]byte) bool { return o.topicID == id || o.topicID == [16]byte{} }

// FetchAll returns all offsets of a group for topics that are there, in order of topic and partition.
func (c *Coordinator) FetchAll(group string, ids TopicIDs) []Fetched {
	g := c.groups[group]
	if g == nil {
		return nil
	}
	var all []Fetched
	for k, o := range g.offsets {
		if id, ok := ids(k.topic); ok && o.of(id) {
			all = append(all, Fetched{k.topic, k.partition, o.offset, o.epoch, o.metadata})
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
	g := c.groups[group]
	switch {
	case g == nil || g.members[*member] == nil:
		return kerr.UnknownMemberID
	case g.generation != epoch:
		return kerr.IllegalGeneration
	}
	return nil
}
