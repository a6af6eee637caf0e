package sim

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// admin creates, grows and deletes topics under few names, writes to them, and deletes records of the main topic.
func admin(c *client) {
	w := c.world
	for !w.load.quiet {
		switch w.pick(5) {
		case 0:
			c.createTopic(fmt.Sprintf("side%d", w.pick(2)))
		case 1:
			c.deleteTopic(fmt.Sprintf("side%d", w.pick(2)))
		case 2:
			c.deleteRecords(w.aPartition())
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
	r := kmsg.NewPtrDeleteTopicsRequest()
	r.Version, r.TimeoutMillis, r.TopicNames = 5, 5000, []string{name}
	c.ask(c.anyone(), r)
}

// writeSide writes to a topic that may be gone or another one meanwhile: only that nothing breaks is looked at.
func (c *client) writeSide(name string) {
	if !c.refresh() || c.ids[name] == [16]byte{} {
		return
	}
	p := c.pack(partition{name, 0}, false)
	if c.ship(p) {
		c.outcome(p)
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
	r := kmsg.NewPtrDeleteRecordsRequest()
	r.Version, r.TimeoutMillis = 2, 5000
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = p.topic
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Partition, part.Offset = p.number, to
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	c.ask(leader, r)
}
