package journal

import (
	"time"

	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/storage"
)

// run is the journal's goroutine: it writes what is queued, tidies when nothing is, and ends after
// Close or a failure.
func (j *Journal) run() {
	defer close(j.done)
	var queued []Write
	for untidy := true; ; {
		var last bool
		queued, last = j.take(queued)
		switch {
		case len(queued) > 0:
			n := Fitting(queued, j.options.GroupBytes)
			if !j.commit(queued[:n]) {
				return
			}
			clear(queued[:n]) // what was written must not stay reachable
			queued, untidy = queued[n:], true
		case last:
			return
		case j.idle(untidy):
			var ok bool
			if untidy, ok = j.tidy(); !ok {
				return
			}
		}
	}
}

// take adds what was queued meanwhile to what is still to be written, and reports whether no more
// will come.
func (j *Journal) take(left []Write) ([]Write, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(left) == 0 {
		left = j.queue
	} else {
		left = append(left, j.queue...)
	}
	j.queue = nil
	return left, j.closed
}

// idle waits for the next write; true if none came for so long that the store, which is untidy, may
// tidy.
func (j *Journal) idle(untidy bool) bool {
	if !untidy {
		<-j.wake
		return false
	}
	t := time.NewTimer(j.options.Idle)
	defer t.Stop()
	select {
	case <-j.wake:
		return false
	case <-t.C:
		return true
	}
}

// tidy lets the store do some of what it put off, until it is done or a write comes; more tells
// whether some is left, ok is false if the store failed.
func (j *Journal) tidy() (more, ok bool) {
	t, able := j.store.(storage.Tidier)
	if !able {
		return false, true
	}
	for {
		more, err := t.Tidy()
		if err != nil {
			j.fail(err)
			return false, false
		}
		if !more || j.awake() {
			return more, true
		}
	}
}

// awake reports whether there is something to do, without taking the token.
func (j *Journal) awake() bool { return len(j.wake) > 0 }

// commit makes a group durable and reports it; false if the store failed.
func (j *Journal) commit(g []Write) bool {
	begin := stages.Now()
	j.began.Store(int64(begin))
	defer j.began.Store(0)
	all := dataBytes(g)
	g, err := j.perform(j.taken(g))
	if err != nil {
		j.fail(err)
		return false
	}
	j.unwritten.Add(-all)
	j.measure(g, begin)
	for _, w := range g {
		if w.Times != nil {
			w.Times.Set(Times{begin, stages.Now()})
		}
		if w.Done != nil {
			w.Done()
		}
	}
	return true
}

// measure tells how a group went that began then and is durable now.
func (j *Journal) measure(g []Write, begin stages.Moment) {
	if j.options.Observe == nil && j.options.Stages == nil {
		return
	}
	took, bytes := begin.To(stages.Now()), dataBytes(g)
	if j.options.Observe != nil {
		j.options.Observe(Group{len(g), bytes, time.Duration(took)})
	}
	if c := j.options.Stages; c != nil {
		for i := range g {
			c.Wait.Record(g[i].given.To(begin))
		}
		c.Sync.Record(took)
		c.GroupWrites.Record(int64(len(g)))
		c.GroupBytes.Record(bytes)
	}
}

// fail closes the journal without a word to those who wait: nothing may be acknowledged any more.
func (j *Journal) fail(err error) {
	j.mu.Lock()
	j.closed, j.queue = true, nil
	j.mu.Unlock()
	j.options.Fatal(err)
}

func dataBytes(g []Write) (n int64) {
	for _, w := range g {
		n += w.Append.DataBytes()
	}
	return n
}
