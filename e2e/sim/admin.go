package sim

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// admin creates, grows and deletes topics under few names, writes to them, and deletes records of
// the main topic.
func admin(c *client) {
	w := c.world
	for !w.load.quiet {
		switch w.pick(7) {
		case 0:
			c.createTopic(fmt.Sprintf("side%d", w.pick(2)))
		case 1:
			c.deleteTopic(fmt.Sprintf("side%d", w.pick(2)))
		case 2:
			c.deleteRecords(w.aMain())
		case 3:
			c.askSide(partition{fmt.Sprintf("side%d", w.pick(2)), 0})
		default:
			c.writeSide(fmt.Sprintf("side%d", w.pick(2)))
		}
		c.rest(6 * w.think())
	}
}

func (c *client) createTopic(name string) {
	r := kmsg.NewPtrCreateTopicsRequest()
	r.Version, r.TimeoutMillis = 7, 5000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, 1, int16(c.world.replicas)
	r.Topics = append(r.Topics, t)
	c.ask(c.anyone(), r)
}

func (c *client) deleteTopic(name string) {
	c.ask(c.anyone(), deletionOf(name))
}

func deletionOf(name string) *kmsg.DeleteTopicsRequest {
	r := kmsg.NewPtrDeleteTopicsRequest()
	r.Version, r.TimeoutMillis, r.TopicNames = 5, 5000, []string{name}
	return r
}

// writeSide writes to a topic that may be gone or another one meanwhile: only that nothing breaks
// is looked at.
func (c *client) writeSide(name string) {
	if !c.refresh() || c.ids[name] == [16]byte{} {
		return
	}
	p := c.pack(partition{name, 0}, false)
	acks := int16(c.world.pick(3) - 1)
	if c.shipWith(p, acks) && acks != 0 {
		c.outcome(p)
	}
}

// askSide asks about a topic that may be deleted at this moment, without waiting for what becomes
// of it.
func (c *client) askSide(p partition) {
	w := c.world
	leader, ok := c.leader(p)
	if !ok {
		return
	}
	c.send(leader, c.aSideRequest(p))
	if w.chance(2) {
		c.wait(w.upTo(2 * time.Millisecond))
		c.send(c.anyone(), deletionOf(p.topic))
		c.writeOn(p)
	}
}

// writeOn writes to a topic while its deletion is under way, for as long as that takes, without
// acknowledgements.
func (c *client) writeOn(p partition) {
	w := c.world
	for range 20 {
		c.shipWith(c.pack(p, false), 0)
		c.wait(w.upTo(2 * time.Millisecond))
	}
}

func (c *client) aSideRequest(p partition) kmsg.Request {
	switch c.world.pick(3) {
	case 0:
		return c.trimming(p, 1)
	case 1:
		r := kmsg.NewPtrFetchRequest()
		r.Version, r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.SessionEpoch = 12, 20_000, 1<<20, 1<<20, -1
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.PartitionMaxBytes, part.CurrentLeaderEpoch = p.number, 1<<20, -1
		r.Topics = append(r.Topics, kmsg.FetchRequestTopic{Topic: p.topic, Partitions: []kmsg.FetchRequestTopicPartition{part}})
		return r
	default:
		r := kmsg.NewPtrListOffsetsRequest()
		r.Version = 7
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp, part.CurrentLeaderEpoch = p.number, -3, -1
		r.Topics = append(r.Topics, kmsg.ListOffsetsRequestTopic{Topic: p.topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{part}})
		return r
	}
}

// deleteRecords trims a log to a place that was seen.
func (c *client) deleteRecords(p partition) {
	w := c.world
	leader, ok := c.leader(p)
	if !ok {
		return
	}
	to := int64(len(w.load.at[p])) // about as many as were seen
	to = max(to-int64(w.pick(60))-20, 0)
	if to == 0 {
		return
	}
	w.load.trimmed[p] = max(w.load.trimmed[p], to)
	c.ask(leader, c.trimming(p, to))
}

// trimming is the request that deletes a partition's records below an offset.
func (c *client) trimming(p partition, to int64) *kmsg.DeleteRecordsRequest {
	r := kmsg.NewPtrDeleteRecordsRequest()
	r.Version, r.TimeoutMillis = 2, 5000
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = p.topic
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Partition, part.Offset = p.number, to
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	return r
}
