package history

import (
	"fmt"
	"sync"
	"time"
)

// Partition names a partition.
type Partition struct {
	Topic string
	Index int32
}

// String is topic/index.
func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Index) }

// Outcome is what a producer learned about a record.
type Outcome int

// Outcomes of sending a record.
const (
	Unknown Outcome = iota // no answer, or one that leaves it open: it may be in the log
	Acked                  // acknowledged, with an offset
	Refused                // refused for good: it must not be in the log
)

// String names the outcome.
func (o Outcome) String() string { return [...]string{"unknown", "acked", "refused"}[o] }

// Send is one record handed to a producer. Value identifies it in the whole history.
type Send struct {
	Producer   string
	Idempotent bool
	Partition  Partition
	Value      string
	Node       int32 // the one it was sent to, if the producer chose it; else 0
	Outcome    Outcome
	Offset     int64 // if Acked
	Invoked    time.Time
	Returned   time.Time // zero: never
}

// Seen is one record that a consumer was given.
type Seen struct {
	Partition Partition
	Offset    int64
	Value     string
	Epoch     int32 // of the leader that appended it, where it is known
}

// Answer is a number that a broker told: a high watermark, or a group's committed offset.
type Answer struct {
	Offset   int64
	Epoch    int32 // of the leader that told it; 0 where there is none
	Invoked  time.Time
	Returned time.Time
}

// Committed is the place a group's offsets are kept at.
type Committed struct {
	Group     string
	Partition Partition
}

// Cut is a time in which a node could not reach a majority of any partition's replicas; Node 0
// stands for every node.
type Cut struct {
	Node     int32
	From, To time.Time
}

// History is what clients did and saw.
type History struct {
	Sends      []Send // those of one producer in the order it sent them
	Seen       []Seen
	Watermarks map[Partition][]Answer // answers of partition leaders
	// acknowledged commits, of a committer that never goes back itself
	Commits map[Committed][]Answer
	Reads   map[Committed][]Answer // committed offsets that were read
	Cuts    []Cut
}

// Recorder gathers a History. Its methods can be called at once from many goroutines.
type Recorder struct {
	mu struct {
		sync.Mutex
		h History
	}
}

// NewRecorder returns an empty Recorder.
func NewRecorder() *Recorder {
	r := &Recorder{}
	r.mu.h = History{Watermarks: map[Partition][]Answer{}, Commits: map[Committed][]Answer{}, Reads: map[Committed][]Answer{}}
	return r
}

// Invoke notes that a producer is about to send a record, and returns the number to end it with.
func (r *Recorder) Invoke(producer string, idempotent bool, p Partition, value string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Sends = append(r.mu.h.Sends, Send{Producer: producer, Idempotent: idempotent, Partition: p, Value: value, Invoked: time.Now()})
	return len(r.mu.h.Sends) - 1
}

// InvokeAt is Invoke of a record that is sent to one node, whoever leads.
func (r *Recorder) InvokeAt(node int32, producer string, p Partition, value string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Sends = append(r.mu.h.Sends, Send{Producer: producer, Partition: p, Value: value, Node: node, Invoked: time.Now()})
	return len(r.mu.h.Sends) - 1
}

// Cut notes a time in which a node could not reach a majority.
func (r *Recorder) Cut(c Cut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Cuts = append(r.mu.h.Cuts, c)
}

// Return notes what came of a send.
func (r *Recorder) Return(send int, o Outcome, offset int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.mu.h.Sends[send]
	s.Outcome, s.Offset, s.Returned = o, offset, time.Now()
}

// See notes a record that a consumer was given.
func (r *Recorder) See(p Partition, offset int64, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Seen = append(r.mu.h.Seen, Seen{Partition: p, Offset: offset, Value: value})
}

// Watermark notes the end of a partition as the leader of an epoch told it to a question asked at
// invoked.
func (r *Recorder) Watermark(p Partition, offset int64, epoch int32, invoked time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Watermarks[p] = append(r.mu.h.Watermarks[p], Answer{offset, epoch, invoked, time.Now()})
}

// Commit notes an acknowledged commit of a group's offset.
func (r *Recorder) Commit(c Committed, offset int64, invoked time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Commits[c] = append(r.mu.h.Commits[c], Answer{offset, 0, invoked, time.Now()})
}

// ReadCommitted notes a group's offset that was read; -1 is none.
func (r *Recorder) ReadCommitted(c Committed, offset int64, invoked time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Reads[c] = append(r.mu.h.Reads[c], Answer{offset, 0, invoked, time.Now()})
}

// History is what was recorded so far. It shares nothing with the Recorder that Return would
// change.
func (r *Recorder) History() History {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.mu.h
	h.Sends = append([]Send(nil), h.Sends...)
	return h
}

// Acked is the number of acknowledged records.
func (h History) Acked() (n int) {
	for _, s := range h.Sends {
		if s.Outcome == Acked {
			n++
		}
	}
	return n
}
