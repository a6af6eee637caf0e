package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// autoTopics begins the names of topics that are created by being asked for.
const autoTopics = "auto"

// impatient is a client that comes while the cluster forms: it has topics created by asking for
// them, that of the groups too, wherever somebody answers.
func impatient(c *client) {
	w := c.world
	for n := 0; !w.load.quiet; n++ {
		c.send(c.anyone(), asksFor(fmt.Sprintf("%s%d", autoTopics, w.pick(3))))
		r := kmsg.NewPtrFindCoordinatorRequest()
		r.Version, r.CoordinatorKey = 3, groupName
		c.send(c.anyone(), r)
		if n < 500 {
			c.wait(w.upTo(40 * time.Millisecond))
			continue
		}
		c.rest(10 * w.think())
	}
}

// asksFor is a Metadata request that creates a topic.
func asksFor(topic string) *kmsg.MetadataRequest {
	r := kmsg.NewPtrMetadataRequest()
	r.Version, r.AllowAutoTopicCreation = 12, true
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	r.Topics = append(r.Topics, t)
	return r
}

// birth starts the machines of a young cluster over some time, and has some of them end in the
// middle of it.
func (w *World) birth() {
	w.spawn("impatient", impatient)
	for _, id := range w.order {
		m := w.machines[id]
		w.after(w.upTo(8*time.Second), func() { w.start(m) })
	}
	w.killUnregistered(4)
}

// killUnregistered has one node end that does not serve clients yet, when the first one does: it is
// a founder, and no member that anybody counts. Some worlds do without.
func (w *World) killUnregistered(outOf int) {
	w.after(time.Millisecond, func() {
		open, late := 0, []*machine(nil)
		for _, m := range w.up() {
			if m.process.open {
				open++
			} else {
				late = append(late, m)
			}
		}
		switch {
		case w.healed || open > 0 && len(late) == 0:
		case open == 0 || len(w.up()) < len(w.order):
			w.killUnregistered(outOf)
		case !w.chance(outOf):
			m := late[w.pick(len(late))]
			w.crash(m, keepsSome, "it is killed while the cluster forms")
			w.after(w.upTo(10*time.Second), func() { w.start(m) })
		}
	})
}

// thin tells which topic that nobody gave a number of replicas has fewer than it should: three, or
// one on each node if there are fewer.
func (w *World) thin(image *metadata.Image) string {
	want := min(3, w.options.Nodes)
	for _, name := range sortedKeys(image.Topics) {
		t := image.Topics[name]
		if !t.Internal && !strings.HasPrefix(name, autoTopics) {
			continue
		}
		for _, p := range t.Partitions {
			if n := len(p.Reassignment().Replicas); n < want {
				return fmt.Sprintf("%s-%d has %d replicas, and should have %d", name, p.Index, n, want)
			}
		}
	}
	return ""
}
