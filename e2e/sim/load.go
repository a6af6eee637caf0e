package sim

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/history"
)

// load is what clients do, and what they recorded of it.
type load struct {
	connections []*connection
	history     history.History
	at          map[partition]map[int64]string // what consumers saw
	trimmed     map[partition]int64            // what logs may have been trimmed to
	deleted     map[string]bool                // topics whose deletion was asked for
	values      int
	acked       int
	deaf        int     // answers in a thousand that are lost with their connection
	killing     bool    // members of groups are
	topic       bool    // the main topic is there
	assigned    instant // when a member of the group was last given its partitions
	quiet       bool    // no more requests: the end is being checked
}

func newLoad() *load {
	return &load{
		at: make(map[partition]map[int64]string), trimmed: make(map[partition]int64), deleted: make(map[string]bool),
		history: history.History{Commits: map[history.Committed][]history.Answer{}, Reads: map[history.Committed][]history.Answer{}},
	}
}

func (l *load) commits() (n int) {
	for _, c := range l.history.Commits {
		n += len(c)
	}
	return n
}

func (p partition) history() history.Partition {
	return history.Partition{Topic: p.topic, Index: p.number}
}

// mainTopic is there from the beginning, and stays.
const (
	mainTopic      = "main"
	mainPartitions = 2
)

// compacts reports whether a topic keeps the last record of a key only.
func (w *World) compacts(topic string) bool { return false }

// aReadPartition is one to read from.
func (w *World) aReadPartition() partition { return w.aPartition() }

func (w *World) aPartition() partition { return partition{mainTopic, int32(w.pick(mainPartitions))} }

// invoke notes that a record is sent.
func (w *World) invoke(producer string, idempotent bool, p partition) (id int, value string) {
	l := w.load
	l.values++
	value = fmt.Sprintf("%s-%d", producer, l.values)
	l.history.Sends = append(l.history.Sends, history.Send{
		Producer: producer, Idempotent: idempotent, Partition: p.history(), Value: value, Invoked: w.now.time(),
	})
	return len(l.history.Sends) - 1, value
}

// settled notes what became of it.
func (w *World) settled(id int, o history.Outcome, offset int64) {
	s := &w.load.history.Sends[id]
	s.Outcome, s.Offset, s.Returned = o, offset, w.now.time()
	if o == history.Acked {
		w.load.acked++
		w.saw(partition{s.Partition.Topic, s.Partition.Index}, offset, s.Value, "was acknowledged")
	}
}

// saw notes what stands at an offset. It never changes.
func (w *World) saw(p partition, offset int64, value, how string) {
	at := w.load.at[p]
	if at == nil {
		at = make(map[int64]string)
		w.load.at[p] = at
	}
	if before, ok := at[offset]; ok && before != value {
		w.violate(Kept, "%s-%d offset %d: %q %s, before it was %q", p.topic, p.number, offset, value, how, before)
	}
	at[offset] = value
}

// spawn starts a client.
func (w *World) spawn(name string, f func(*client)) {
	runtime{w.clients}.Go(func() { f(w.newClient(name)) })
}

// begin creates the main topic, once the cluster serves.
func (w *World) begin(c *client) {
	for !w.load.quiet {
		r := kmsg.NewPtrCreateTopicsRequest()
		r.Version, r.TimeoutMillis = 7, 5000
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = mainTopic, mainPartitions, int16(w.replicas)
		r.Topics = append(r.Topics, t)
		c.ask(c.anyone(), r)
		if c.refresh() && c.ids[mainTopic] != [16]byte{} {
			w.load.topic = true
			w.note(w.clients, "topic %s is there", mainTopic)
			return
		}
		c.rest(300 * time.Millisecond)
	}
}

// think is the longest pause between two requests of a client, in a world of pace 1.
const think = 700 * time.Millisecond

func (w *World) think() time.Duration { return think * time.Duration(w.pace) }
