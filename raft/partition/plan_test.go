package partition

import (
	"fmt"
	"math"
	"testing"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// aged is a partition of ten stretches of one entry each, of the times 100, 200, … 1000 ms, and an
// open one of time 1100.
func aged(t *testing.T) *solo {
	s := newSolo(t, Limits{})
	for i := range 11 {
		s.p.marks.distance = 1
		if i == 10 {
			s.p.marks.distance = 1 << 20
		}
		s.commitBatch(batch.Build([]batch.Record{{Timestamp: int64(i+1) * 100, Key: fmt.Append(nil, "k", i), Value: make([]byte, 100)}}))
	}
	return s
}

var kafkas = Policy{RetentionMS: -1, RetentionBytes: -1, SegmentMS: 7 * 24 * 3600 * 1000, SegmentBytes: 1 << 30, MaxLagMS: math.MaxInt64, DirtyRatio: 0.5, TombstoneMS: 86400_000}

func TestExpired(t *testing.T) {
	size := aged(t).p.marks.bytes / 11
	for _, c := range []struct {
		name        string
		delete      bool
		ms, bytes   int64
		now         int64
		want        int64
		trim        int64
		futureFirst bool
	}{
		{name: "nothing is said", delete: true, ms: -1, bytes: -1, now: 1 << 40, want: 0},
		{name: "the policy does not delete", ms: 1, bytes: 1, now: 1 << 40, want: 0},
		{name: "nothing is too old", delete: true, ms: 1000, bytes: -1, now: 1100, want: 0},
		{name: "as old as allowed", delete: true, ms: 900, bytes: -1, now: 1000, want: 0},
		{name: "one is too old", delete: true, ms: 900, bytes: -1, now: 1001, want: 1},
		{name: "all but the end is too old", delete: true, ms: 100, bytes: -1, now: 1200, want: 10},
		{name: "the end, too", delete: true, ms: 100, bytes: -1, now: 1201, want: 11},
		{name: "bytes of all", delete: true, ms: -1, bytes: 11 * size, now: 0, want: 0},
		{name: "a byte less than all", delete: true, ms: -1, bytes: 11*size - 1, now: 0, want: 0},
		{name: "one stretch less than all", delete: true, ms: -1, bytes: 10 * size, now: 0, want: 1},
		{name: "the end stays however little is to be kept", delete: true, ms: -1, bytes: 0, now: 0, want: 10},
		{name: "the larger deletion counts", delete: true, ms: 900, bytes: 5 * size, now: 1001, want: 6},
		{name: "what is trimmed stays trimmed", delete: true, ms: 900, bytes: -1, now: 1001, trim: 4, want: 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := aged(t)
			if c.trim > 0 {
				s.trim(c.trim)
			}
			policy := kafkas
			policy.Delete, policy.RetentionMS, policy.RetentionBytes = c.delete, c.ms, c.bytes
			if got := s.p.Expired(policy, c.now); got != c.want {
				t.Fatalf("the log is to start at %d, want %d", got, c.want)
			}
		})
	}
}

// A stretch with a timestamp ahead of its time keeps what lies behind it, until it is trimmed away;
// then it counts no more.
func TestExpiredStopsAtWhatIsNotTooOld(t *testing.T) {
	s := newSolo(t, Limits{})
	for i, time := range []int64{100, 5000, 200, 300} {
		s.p.marks.distance = 1
		s.commitBatch(batch.Build([]batch.Record{{Timestamp: time, Value: fmt.Append(nil, i)}}))
	}
	policy := kafkas
	policy.Delete, policy.RetentionMS = true, 1000
	if got := s.p.Expired(policy, 2000); got != 1 {
		t.Fatalf("%d, want 1", got)
	}
	s.trim(2)
	if got := s.p.Expired(policy, 2000); got != 4 {
		t.Fatalf("%d, want 4", got)
	}
}

func TestCleanable(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   func(*Policy)
		now   int64
		clean int // offsets cleaned before, with the same policy but a ratio of 0
		want  int64
	}{
		{name: "the policy does not compact", set: func(p *Policy) { p.Compact = false }, want: -1},
		{name: "all but the end", want: 10},
		{name: "not what is young", set: func(p *Policy) { p.MinLagMS = 500 }, now: 1000, want: 4},
		{name: "nothing is old enough", set: func(p *Policy) { p.MinLagMS = 500 }, now: 600, want: -1},
		{name: "the end is old by its time", set: func(p *Policy) { p.SegmentMS = 50 }, now: 1200, want: 11},
		{name: "the end is old by its size", set: func(p *Policy) { p.SegmentBytes = 100 }, want: 11},
		{name: "the end is old by the longest lag", set: func(p *Policy) { p.MaxLagMS = 50 }, now: 1200, want: 11},
		{name: "too little is dirty", set: func(p *Policy) { p.MinLagMS = 500 }, now: 1000, clean: 8, want: -1},
		{name: "enough is dirty", set: func(p *Policy) { p.DirtyRatio = 0.1 }, clean: 8, want: 10},
		{name: "little is dirty and too old", set: func(p *Policy) { p.MaxLagMS = 700 }, now: 1700, clean: 8, want: 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := aged(t)
			if c.clean > 0 {
				before := kafkas
				before.Compact, before.DirtyRatio, before.MinLagMS = true, 0, 1
				at, ok := s.p.Cleanable(before, int64(c.clean)*100+2)
				if !ok || at.Upto != int64(c.clean) {
					t.Fatalf("the test is wrong: %+v", at)
				}
				s.stageEntries(s.sweep(at, 1<<20))
			}
			policy := kafkas
			policy.Compact = true
			if c.set != nil {
				c.set(&policy)
			}
			got, ok := s.p.Cleanable(policy, c.now)
			if !ok {
				got.Upto = -1
			}
			if got.Upto != c.want {
				t.Fatalf("to be cleaned up to %d, want %d", got.Upto, c.want)
			}
		})
	}
}

// Tombstones are a reason to clean of their own, once, when their time has come.
func TestTombstonesAreDueOnce(t *testing.T) {
	s := newSolo(t, Limits{})
	policy := eager
	s.commitBatch(batch.Build([]batch.Record{{Key: []byte("a")}, {Key: []byte("b"), Value: []byte("v")}}))
	clean := func(now int64) {
		t.Helper()
		c, ok := s.p.Cleanable(policy, now)
		if !ok {
			t.Fatalf("nothing to clean at %d", now)
		}
		s.stageEntries(s.sweep(c, 1<<20))
	}
	clean(10_000)
	if n := len(records(t, s.visible())); n != 2 {
		t.Fatalf("%d records after the first cleaning", n)
	}
	if _, ok := s.p.Cleanable(policy, 11_000); ok {
		t.Fatal("the tombstone is not due yet")
	}
	clean(11_001)
	if left := records(t, s.visible()); len(left) != 1 || string(left[0].Key) != "b" {
		t.Fatalf("%v is left", left)
	}
	if _, ok := s.p.Cleanable(policy, 99_000); ok {
		t.Fatal("there is no tombstone any more")
	}
}

// The state of a log that is cleaned for ever does not grow, and its stretches stay small.
func TestMarksOfACleanedLogStayFew(t *testing.T) {
	s := newSolo(t, Limits{})
	s.p.marks.distance = markBytes
	for i := range 300 {
		s.commitBatch(batch.Build([]batch.Record{{Timestamp: int64(i), Key: fmt.Append(nil, i%7), Value: make([]byte, 32<<10)}}))
		if i%20 == 19 {
			c, ok := s.p.Cleanable(eager, int64(i))
			if !ok {
				t.Fatal("nothing to clean")
			}
			s.stageEntries(s.sweep(c, 1<<20))
		}
	}
	if n := len(s.p.marks.at); n > cleanedMarks+2 || s.p.marks.distance != markBytes || len(s.p.cleaned.passed) > maxPassed {
		t.Fatalf("%d marks %d bytes apart, %d cleanings remembered", n, s.p.marks.distance, len(s.p.cleaned.passed))
	}
	if got := s.p.cleaned.bytes(0); got > 8*(33<<10) {
		t.Fatalf("%d bytes are kept of seven keys", got)
	}
}

func TestPolicyOf(t *testing.T) {
	set := map[string]string{
		"cleanup.policy": "compact, delete", "retention.ms": "5", "retention.bytes": "6", "segment.ms": "7", "segment.bytes": "8",
		"min.compaction.lag.ms": "9", "max.compaction.lag.ms": "10", "delete.retention.ms": "11", "min.cleanable.dirty.ratio": "0.25",
	}
	got := PolicyOf(func(name string) string { return set[name] })
	if want := (Policy{true, true, 5, 6, 7, 8, 9, 10, 11, 0.25}); got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
}

// Records without a time are as old as the first reading of the clock after them says, at least: so
// they are deleted and cleaned like others, and never before they are that old.
func TestRecordsWithoutATimeAge(t *testing.T) {
	s := newSolo(t, Limits{})
	s.p.marks.distance = 200 // two entries
	write := func(time int64) {
		s.commitBatch(batch.Build([]batch.Record{{Timestamp: time, Key: []byte("k"), Value: make([]byte, 60)}}))
	}
	policy := kafkas
	policy.Delete, policy.RetentionMS = true, 1000
	for range 5 {
		write(-1)
	}
	if got := s.p.Expired(policy, 1<<40); got != 0 {
		t.Fatalf("nobody knows how old they are, and the log is to start at %d", got)
	}
	if !s.read(10_000, 1<<40) || s.read(10_100, 1<<40) {
		t.Fatal("one reading is to be put into the log")
	}
	write(-1) // in a stretch with one that the reading was made after
	write(50)
	if got := s.p.Expired(policy, 11_000); got != 0 {
		t.Fatalf("none is too old, and the log is to start at %d", got)
	}
	if got := s.p.Expired(policy, 11_001); got != 4 {
		t.Fatalf("four are too old, and the log is to start at %d", got)
	}
	if !s.read(12_000, 1<<40) {
		t.Fatal("there are records without a time again")
	}
	if got := s.p.Expired(policy, 13_000); got != 4 {
		t.Fatalf("the log is to start at %d before the others are too old", got)
	}
	if got := s.p.Expired(policy, 13_001); got != 7 {
		t.Fatalf("all are too old, and the log is to start at %d", got)
	}
	policy = kafkas
	policy.Compact, policy.MaxLagMS, policy.DirtyRatio = true, 1000, 1
	if _, due := s.p.Cleanable(policy, 11_001); !due {
		t.Fatal("they are older than max.compaction.lag.ms and are not cleaned")
	}
}
