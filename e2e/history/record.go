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
}

// Answer is a number that a broker told: a high watermark, or a group's committed offset.
type Answer struct {
	Offset   int64
	Invoked  time.Time
	Returned time.Time
}

// Committed is the place a group's offsets are kept at.
type Committed struct {
	Group     string
	Partition Partition
}

// History is what clients did and saw.
type History struct {
	Sends      []Send // those of one producer in the order it sent them
	Seen       []Seen
	Watermarks map[Partition][]Answer // answers of partition leaders
	Commits    map[Committed][]Answer // acknowledged commits, of a committer that never goes back itself
	Reads      map[Committed][]Answer // committed offsets that were read
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
	r.mu.h.Seen = append(r.mu.h.Seen, Seen{p, offset, value})
}

// Watermark notes the end of a partition as its leader told it to a question asked at invoked.
func (r *Recorder) Watermark(p Partition, offset int64, invoked time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Watermarks[p] = append(r.mu.h.Watermarks[p], Answer{offset, invoked, time.Now()})
}

// Commit notes an acknowledged commit of a group's offset.
func (r *Recorder) Commit(c Committed, offset int64, invoked time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Commits[c] = append(r.mu.h.Commits[c], Answer{offset, invoked, time.Now()})
}

// ReadCommitted notes a group's offset that was read; -1 is none.
func (r *Recorder) ReadCommitted(c Committed, offset int64, invoked time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.h.Reads[c] = append(r.mu.h.Reads[c], Answer{offset, invoked, time.Now()})
}

// History is what was recorded so far. It shares nothing with the Recorder that Return would change.
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
