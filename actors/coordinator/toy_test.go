package coordinator

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/coordination"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// counters is a core that counts for its clients, one number a key.
type counters struct {
	coordination.Uncommitted
	writer coordination.Writer
	memory coordination.Account
	counts map[string]int64
	alarms map[string]alarm // by key
}

// alarm is an answer that leaves at a time.
type alarm struct {
	at    int64
	reply func(*kerr.Error)
}

func newCounters(b coordination.Budget) *counters {
	c := &counters{memory: coordination.NewAccount(b), counts: make(map[string]int64), alarms: make(map[string]alarm)}
	c.writer = coordination.NewWriter(&c.Uncommitted, c.decode, 0)
	return c
}

// counted says that a key has a count, 0 that it is not there.
type counted struct {
	in    *counters
	key   string
	count int64
}

func (c *counters) decode(_ coordination.Producer, r coordination.Record) (coordination.Change, error) {
	change := &counted{in: c, key: string(r.Key)}
	switch len(r.Value) {
	case 0:
	case 8:
		change.count = int64(binary.BigEndian.Uint64(r.Value))
	default:
		return nil, fmt.Errorf("a count of %d bytes", len(r.Value))
	}
	return change, nil
}

func (c *counted) Key() string { return c.key }

func (c *counted) Record() coordination.Record {
	r := coordination.Record{Key: []byte(c.key)}
	if c.count != 0 {
		r.Value = binary.BigEndian.AppendUint64(nil, uint64(c.count))
	}
	return r
}

func (c *counted) Apply() {
	before := c.in.counts[c.key]
	c.in.memory.Charge(c.count - before)
	if c.in.counts[c.key] = c.count; c.count == 0 {
		delete(c.in.counts, c.key)
	}
}

// add adds to a count; done is told what it came to.
func (c *counters) add(key string, n int64, done func(int64, *kerr.Error)) {
	change := &counted{in: c, key: key, count: c.counts[key] + n}
	if err := c.writer.Write(key, []coordination.Record{change.Record()}); err != nil {
		done(0, err)
		return
	}
	count := c.counts[key]
	c.When(key, func(err *kerr.Error) { done(count, err) })
}

// ring has an answer leave at a time.
func (c *counters) ring(key string, at int64, reply func(*kerr.Error)) {
	c.alarms[key] = alarm{at, reply}
}

func (c *counters) Replay(by coordination.Producer, r coordination.Record) error {
	return c.writer.Replay(by, r)
}
func (c *counters) Loaded(int64) {}
func (c *counters) Shift(int64)  {}

func (c *counters) Next() (next int64) {
	for _, a := range c.alarms {
		if next == 0 || a.at < next {
			next = a.at
		}
	}
	return next
}

func (c *counters) Expire(now int64) {
	for key, a := range c.alarms {
		if a.at <= now {
			delete(c.alarms, key)
			a.reply(nil)
		}
	}
}

func (c *counters) ApplyRetention(int64) {
	for key := range c.counts {
		_ = c.writer.Write(key, []coordination.Record{{Key: []byte(key)}})
	}
}

func (c *counters) Abandon(cause *kerr.Error) {
	c.Uncommitted.Abandon(cause)
	for _, a := range c.alarms {
		a.reply(cause)
	}
	c.memory.Close()
}

const (
	toyTopic             = "__counters"
	toyShard, toyReplica = storage.ShardID(301), storage.ReplicaID(2 << 33)
	answeredWithin       = 20 * time.Second
)

// hostCounters runs counters beside whatever else the node coordinates.
func hostCounters(l *led, ref *replica.Ref, retention time.Duration) *Host[*counters] {
	h := New(Kind[*counters]{
		Name: "counters", Topic: toyTopic, New: newCounters, Retention: retention, BatchBytes: 64,
		Partition: func(key string, partitions int) int32 { return int32(len(key) % partitions) },
	}, Options{
		Host: l.system, Runtime: actors.Goroutines{}, Image: func() *metadata.Image { return l.image },
		Replica: func(s storage.ShardID) *replica.Ref {
			if s != toyShard {
				return nil
			}
			return ref
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	l.t.Cleanup(h.Close)
	return h
}

// add adds to a count at its coordinator and returns what it came to.
func add(t *testing.T, h *Host[*counters], key string, n int64) int64 {
	t.Helper()
	type outcome struct {
		count int64
		err   error
	}
	told := make(chan outcome, 1)
	h.Do(key, func(_ int64, c *counters) {
		c.add(key, n, func(count int64, err *kerr.Error) {
			if err != nil {
				told <- outcome{err: err}
				return
			}
			told <- outcome{count: count}
		})
	}, func(err *protocol.Error) { told <- outcome{err: err} })
	select {
	case o := <-told:
		if o.err != nil {
			t.Fatal(o.err)
		}
		return o.count
	case <-time.After(answeredWithin):
		t.Fatal("nobody answers")
		return 0
	}
}

// The host knows nothing of groups: counters over another topic run beside them, are written,
// loaded, woken, told to apply retention and abandoned by the same code, and have their own memory.
func TestAnyCoreIsHosted(t *testing.T) {
	o := lead(t)
	groups := o.coordinators()
	ref := o.led.lead(toyTopic, toyShard, toyReplica)
	toys := hostCounters(o.led, ref, 0)
	commit(t, groups, 5)
	for i := range int64(10) {
		if got := add(t, toys, "a", 1); got != i+1 {
			t.Fatalf("the count is %d, want %d", got, i+1)
		}
	}
	if toys.Bytes() != 10 || groups.Bytes() == 10 {
		t.Errorf("counters take %d bytes, groups %d", toys.Bytes(), groups.Bytes())
	}

	rung := make(chan *kerr.Error, 2)
	toys.Do("a", func(now int64, c *counters) { c.ring("a", now+1, func(err *kerr.Error) { rung <- err }) },
		func(err *protocol.Error) { rung <- err.Kafka })
	if err := <-rung; err != nil {
		t.Errorf("the alarm: %v", err)
	}
	toys.Do("a", func(now int64, c *counters) { c.ring("a", now+1e9, func(err *kerr.Error) { rung <- err }) },
		func(err *protocol.Error) { rung <- err.Kafka })
	toys.Close()
	if err := <-rung; err != kerr.NotCoordinator {
		t.Errorf("who waited for a coordinator that stopped was told %v", err)
	}
	if toys.Bytes() != 0 {
		t.Errorf("%d bytes were not given back", toys.Bytes())
	}

	toys = hostCounters(o.led, ref, 0)
	if got := add(t, toys, "a", 1); got != 11 {
		t.Errorf("the next coordinator counts to %d, want 11", got)
	}
	toys.Close()
	toys = hostCounters(o.led, ref, time.Millisecond)
	for end := time.Now().Add(answeredWithin); ; {
		if got := add(t, toys, "a", 1); got == 1 {
			break // retention forgot the count before
		}
		if time.Now().After(end) {
			t.Fatal("retention is not applied")
		}
	}
	if at := committed(t, groups); at != 5 {
		t.Errorf("the group beside it is at %d, want 5", at)
	}
}

// A turn's writes are batches of the kind's size.
func TestABatchIsAsLargeAsItsKindSays(t *testing.T) {
	l := newLed(t)
	ref := l.lead(toyTopic, toyShard, toyReplica)
	toys := hostCounters(l, ref, 0)
	add(t, toys, "key", 1)
	before := ref.View().HighWatermark
	done := make(chan struct{})
	toys.Do("key", func(_ int64, c *counters) {
		for range 9 {
			c.add("key", 1, func(int64, *kerr.Error) {})
		}
		c.WhenAll(func(*kerr.Error) { close(done) })
	}, func(err *protocol.Error) { t.Error(err); close(done) })
	<-done
	chunks, err := ref.View().Read(before, replica.FetchLimits{MaxBytes: 1 << 20, MinOne: true, Upto: before + 9})
	if err != nil {
		t.Fatal(err)
	}
	batches := 0
	for _, chunk := range chunks {
		batches += len(split(t, chunk))
	}
	if batches != 9 { // each is more than half of 64 bytes
		t.Errorf("9 writes are %d batches", batches)
	}
}
