package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/e2e/history"
)

// load is what clients do, and what they recorded of it.
type load struct {
	connections []*connection
	history     history.History
	at          map[partition]map[int64]string // what consumers saw
	trimmed     map[partition]int64            // what logs may have been trimmed to
	// of compacted topics: the newest record of each key that was acknowledged or read
	keyed map[partition]map[string]keyedRecord
	// of compacted topics: behind the newest record that was acknowledged or read
	ends map[partition]int64
	// of compacted topics: records that were left when they were checked
	rows    map[partition]int
	deleted map[string]bool // topics whose deletion was asked for
	values  int
	acked   int
	// answers in a thousand that are lost with their connection
	deaf    int
	killing bool // members of groups are
	topic   bool // the main topic is there
	// when a member of the group was last given its partitions
	assigned instant
	// when records that are deleted by age were sent, by offset
	sent    map[partition]map[int64]time.Time
	strayed time.Duration // by how much a node's clock was ever wrong, at most
	quiet   bool          // no more requests: the end is being checked
}

func newLoad() *load {
	return &load{
		at: make(map[partition]map[int64]string), trimmed: make(map[partition]int64), deleted: make(map[string]bool),
		keyed: make(map[partition]map[string]keyedRecord), ends: make(map[partition]int64), rows: make(map[partition]int),
		sent:    make(map[partition]map[int64]time.Time),
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
		p := partition{s.Partition.Topic, s.Partition.Index}
		w.saw(p, offset, s.Value, "was acknowledged")
		w.aging(p, offset, s.Invoked)
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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// think is the longest pause between two requests of a client, in a world of pace 1.
const think = 700 * time.Millisecond

func (w *World) think() time.Duration { return think * time.Duration(w.pace) }
