package api

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
)

// Version notes
//
//	 2  null topics means all; one error for the answer
//	 5  leader epochs
//	 7  require stable (KIP-447): without transactions all offsets are
//	 8  several groups (KIP-709)
//	 9  member id and epoch (KIP-848)
//	10  topic ids

// offsetFetch tells groups' committed offsets.
func offsetFetch(c *Call) {
	request := c.Body.(*kmsg.OffsetFetchRequest)
	wanted := request.Groups
	if request.Version < 8 {
		wanted = []kmsg.OffsetFetchRequestGroup{oneGroup(request)}
	}
	wanted = distinct(wanted, wholeGroups())
	r := request.ResponseKind().(*kmsg.OffsetFetchResponse)
	r.Groups = make([]kmsg.OffsetFetchResponseGroup, len(wanted))
	all := &several{left: len(wanted) + 1, done: func() {
		if request.Version < 8 {
			flatten(r)
		}
		c.Answer(r)
	}}
	for i, want := range wanted {
		out := &r.Groups[i]
		*out = kmsg.NewOffsetFetchResponseGroup()
		out.Group = want.Group
		c.Group(want.Group, access.Describe).Sure(func(_ int64, core *group.Coordinator) {
			fetchGroup(c, core, request.Version, want, out)
			core.When(want.Group, func(err *kerr.Error) {
				all.one(func() {
					if err != nil {
						*out = kmsg.NewOffsetFetchResponseGroup()
						out.Group, out.ErrorCode = want.Group, err.Code
					}
				})
			})
		}, func(err *protocol.Error) {
			all.one(func() { out.ErrorCode = err.Kafka.Code })
		})
	}
	all.one(func() {})
}

// wholeGroups returns a key by which a group whose offsets are all asked for is asked for once;
// what names partitions is left alone.
func wholeGroups() func(kmsg.OffsetFetchRequestGroup) string {
	n := 0
	return func(g kmsg.OffsetFetchRequestGroup) string {
		if g.Topics == nil {
			return "all of " + g.Group
		}
		n++
		return strconv.Itoa(n)
	}
}

// oneGroup makes a request of the old form one of the new.
func oneGroup(request *kmsg.OffsetFetchRequest) kmsg.OffsetFetchRequestGroup {
	want := kmsg.NewOffsetFetchRequestGroup()
	want.Group = request.Group
	if request.Topics != nil {
		want.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	}
	for _, t := range request.Topics {
		topic := kmsg.NewOffsetFetchRequestGroupTopic()
		topic.Topic, topic.Partitions = t.Topic, t.Partitions
		want.Topics = append(want.Topics, topic)
	}
	return want
}

// flatten makes an answer of the new form one of the old.
func flatten(r *kmsg.OffsetFetchResponse) {
	g := r.Groups[0]
	r.Groups = nil
	r.ErrorCode = g.ErrorCode
	r.Topics = []kmsg.OffsetFetchResponseTopic{}
	for _, t := range g.Topics {
		topic := kmsg.NewOffsetFetchResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			part := kmsg.NewOffsetFetchResponseTopicPartition()
			part.Partition, part.Offset, part.LeaderEpoch, part.Metadata, part.ErrorCode = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode
			if r.Version < 2 && r.ErrorCode != 0 {
				part.ErrorCode = r.ErrorCode
			}
			topic.Partitions = append(topic.Partitions, part)
		}
		r.Topics = append(r.Topics, topic)
	}
}

// fetchGroup answers for one group.
func fetchGroup(c *Call, core *group.Coordinator, version int16, want kmsg.OffsetFetchRequestGroup, out *kmsg.OffsetFetchResponseGroup) {
	if version >= 9 {
		if err := core.CheckFetch(want.Group, want.MemberID, want.MemberEpoch); err != nil {
			out.ErrorCode = err.Code
			return
		}
	}
	topics := c.topics(access.Describe)
	if want.Topics == nil {
		fetchAll(core, topics, want.Group, out)
		return
	}
	for _, t := range want.Topics {
		topic := kmsg.NewOffsetFetchResponseGroupTopic()
		topic.Topic, topic.TopicID = t.Topic, t.TopicID
		name := t.Topic
		if version >= 10 {
			if known, err := c.anyTopic("", t.TopicID, true); err == nil {
				name = known.Name
			}
		}
		if (version < 10 || name != "") && !c.may(access.Describe, access.Topic, name) {
			topic.Partitions = unfetched(t.Partitions, errTopicDenied)
			out.Topics = append(out.Topics, topic)
			continue
		}
		id, partitions := topics(name)
		for _, f := range core.Fetch(want.Group, name, id, distinct(t.Partitions, func(n int32) int32 { return n })) {
			part := fetchedPartition(f)
			if version >= 10 && partitions == 0 {
				part.ErrorCode = kerr.UnknownTopicID.Code
			}
			topic.Partitions = append(topic.Partitions, part)
		}
		out.Topics = append(out.Topics, topic)
	}
}

// unfetched answers for partitions whose offsets are not told.
func unfetched(partitions []int32, err *protocol.Error) (all []kmsg.OffsetFetchResponseGroupTopicPartition) {
	for _, n := range partitions {
		part := kmsg.NewOffsetFetchResponseGroupTopicPartition()
		none := ""
		part.Partition, part.Offset, part.LeaderEpoch, part.Metadata, part.ErrorCode = n, -1, -1, &none, err.Kafka.Code
		all = append(all, part)
	}
	return all
}

// fetchAll answers for all topics that the client is told of.
func fetchAll(core *group.Coordinator, topics group.Topics, id string, out *kmsg.OffsetFetchResponseGroup) {
	for _, f := range core.FetchAll(id, topics) {
		if n := len(out.Topics); n == 0 || out.Topics[n-1].Topic != f.Topic {
			topic := kmsg.NewOffsetFetchResponseGroupTopic()
			topic.Topic = f.Topic
			topic.TopicID, _ = topics(f.Topic)
			out.Topics = append(out.Topics, topic)
		}
		last := &out.Topics[len(out.Topics)-1]
		last.Partitions = append(last.Partitions, fetchedPartition(f))
	}
}

func fetchedPartition(f group.Fetched) kmsg.OffsetFetchResponseGroupTopicPartition {
	part := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	part.Partition, part.Offset, part.LeaderEpoch, part.Metadata = f.Partition, f.Offset, f.Epoch, &f.Metadata
	if f.Lost {
		part.ErrorCode = kerr.UnknownServerError.Code
	}
	return part
}
