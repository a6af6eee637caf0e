package partition

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// eager is a policy that has everything cleaned that may be.
var eager = Policy{Compact: true, SegmentBytes: 0, SegmentMS: -1, MaxLagMS: -1, RetentionMS: -1, RetentionBytes: -1, TombstoneMS: 1000}

// visible returns the batches that a consumer sees from the log's start on.
func (s *solo) visible() (all []batch.Batch) {
	s.t.Helper()
	c := s.p.Cleaned()
	take := func(index uint64) {
		h, ok, err := ParseHeader(s.log[index-1])
		if err != nil || !ok || index <= s.p.Reclaimable() {
			s.t.Fatalf("entry %d cannot be read: %v (reclaimable up to %d)", index, err, s.p.Reclaimable())
		}
		for rest := Payload(s.log[index-1]); len(rest) > 0; {
			b, after, ok := batch.Next(rest)
			if !ok {
				s.t.Fatalf("entry %d is torn", index)
			}
			if (h.Kind == KindKept || b.BaseOffset() >= c.Upto) && b.NextOffset() > s.p.Start() {
				all = append(all, b)
			}
			rest = after
		}
	}
	for _, k := range c.Kept {
		take(k.Index)
	}
	for i := max(c.Index, s.p.Reclaimable()) + 1; i <= s.p.index; i++ {
		if h, ok, _ := ParseHeader(s.log[i-1]); ok && h.Kind == KindRecords {
			take(i)
		}
	}
	return all
}

func records(t tester, batches []batch.Batch) (all []batch.Record) {
	t.Helper()
	for _, b := range batches {
		r, err := b.Records()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r...)
	}
	return all
}

// sweep carries a cleaning out and returns its entries.
func (s *solo) sweep(c Cleaning, limit int) [][]byte {
	s.t.Helper()
	var entries [][]byte
	w := NewSweep(c, limit)
	below := func(f func(batch.Batch)) {
		for _, b := range s.visible() {
			if b.BaseOffset() < c.Upto {
				f(b)
			}
		}
	}
	below(func(b batch.Batch) {
		if b.NextOffset() <= c.Dirty {
			return
		}
		if err := w.Note(b); err != nil {
			s.t.Fatal(err)
		}
	})
	below(func(b batch.Batch) {
		entry, err := w.Keep(b)
		if err != nil {
			s.t.Fatal(err)
		}
		if entry != nil {
			entries = append(entries, entry)
		}
	})
	return append(entries, w.End()...)
}

// stageEntries stages entries of a sweep and applies them.
func (s *solo) stageEntries(entries [][]byte) {
	s.t.Helper()
	for i, e := range entries {
		if n, err := s.p.StageEntry(e); err != nil || n != 0 {
			s.t.Fatalf("entry %d of a sweep: %d %v", i, n, err)
		}
		s.propose()
		s.apply()
	}
}

// restart goes on with a replica that knows what a snapshot of this one holds, and leads.
func (s *solo) restart() {
	s.t.Helper()
	s.apply()
	restored := New(s.p.limits)
	if err := restored.Restore(s.p.Snapshot()); err != nil {
		s.t.Fatal(err)
	}
	s.p = restored
	s.lead(s.term + 1)
}

// drawKeyed draws a batch of records over few keys, some without a value.
func drawKeyed(t *rapid.T, time int64) batch.Batch {
	all := make([]batch.Record, 1+bits.Draw(t, "records")/64)
	for i := range all {
		all[i] = batch.Record{Timestamp: time, Key: fmt.Append(nil, "k", bits.Draw(t, "key")/24)}
		if bits.Draw(t, "tombstone") > 60 {
			all[i].Value = fmt.Append(nil, "v", time, i)
		}
	}
	b, err := batch.Build(all).Recompress(int8(bits.Draw(t, "snappy")/128) * 2)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What Kafka promises of a compacted topic: who reads from the start sees the last value of every
// key, in order and at its offset; a tombstone is seen for delete.retention.ms after it was cleaned
// first; nothing comes back; the end of the log is as it was written.
func TestCleaningKeepsTheLastOfEachKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSolo(t, Limits{})
		s.p.marks.distance = 300
		written := map[int64]batch.Record{}
		latest := map[string]int64{}
		now := int64(1000)
		for range 5 + bits.Draw(t, "steps")/8 {
			pause := int64(bits.Draw(t, "pause"))
			now += max(pause, (pause-128)*20) // some are longer than a tombstone stays
			switch what := bits.Draw(t, "what"); {
			case what < 170:
				if _, err := s.p.Stage(drawKeyed(t, now), StageOptions{AppendTime: -1}); err != nil {
					t.Fatal(err)
				}
				s.propose()
				s.apply()
				for rest := Payload(s.log[len(s.log)-1]); len(rest) > 0; {
					b, after, _ := batch.Next(rest)
					for _, r := range records(t, []batch.Batch{b}) {
						written[r.Offset], latest[string(r.Key)] = r, r.Offset
					}
					rest = after
				}
			case what < 185:
				s.trim(s.p.start + int64(bits.Draw(t, "trim"))*(s.p.next-s.p.start)/256)
			case what < 190:
				s.lead(s.term + 1)
			case what < 195:
				s.restart()
			default:
				c, ok := s.p.Cleanable(eager, now)
				if !ok {
					continue
				}
				entries := s.sweep(c, 200)
				if bits.Draw(t, "broken off") < 60 { // its leader is deposed, or it gives up
					entries = entries[:len(entries)/2]
				}
				s.stageEntries(entries)
				checkCleaned(t, s, written, latest, now)
			}
		}
		checkCleaned(t, s, written, latest, now)
	})
}

func checkCleaned(t *rapid.T, s *solo, written map[int64]batch.Record, latest map[string]int64, now int64) {
	seen := map[int64]bool{}
	last := int64(-1)
	for _, r := range records(t, s.visible()) {
		if r.Offset < s.p.Start() {
			continue // of a batch that begins below the start
		}
		want := written[r.Offset]
		if r.Offset <= last || !bytes.Equal(r.Key, want.Key) || !bytes.Equal(r.Value, want.Value) || r.Timestamp != want.Timestamp {
			t.Fatalf("record %+v behind offset %d, written was %+v", r, last, want)
		}
		last, seen[r.Offset] = r.Offset, true
	}
	if all := s.visible(); s.p.start < s.p.next && (len(all) == 0 || all[len(all)-1].NextOffset() != s.p.next) {
		t.Fatalf("the log is [%d, %d), nobody who reads its %d batches comes to the end", s.p.start, s.p.next, len(all))
	}
	due := s.p.cleaned.bound(now, eager.TombstoneMS)
	for offset, r := range written {
		newest := latest[string(r.Key)] == offset
		switch {
		case offset < s.p.Start():
		case newest && !seen[offset] && (r.Value != nil || offset >= due):
			t.Fatalf("the last record of key %s, %d, is gone", r.Key, offset)
		case offset >= s.p.cleaned.Upto && !seen[offset]:
			t.Fatalf("offset %d was never cleaned and is gone", offset)
		}
	}
	// Nothing comes back: what is seen of a key that has no value any more is its tombstone or what it
	// deletes, never what lies before without it.
	for offset := range seen {
		at := latest[string(written[offset].Key)]
		if offset < s.p.cleaned.Upto && at < s.p.cleaned.Upto && at != offset {
			t.Fatalf("offset %d is seen behind a cleaning, the last of its key is %d", offset, at)
		}
	}
}

func TestACleaningThatWasBrokenOffCountsForNothing(t *testing.T) {
	s := newSolo(t, Limits{})
	s.p.marks.distance = 1
	for i := range 20 {
		s.commitBatch(batch.Build([]batch.Record{{Key: fmt.Append(nil, i%10), Value: fmt.Append(nil, i)}}))
	}
	c, ok := s.p.Cleanable(eager, 1)
	if !ok || c.Upto != 20 {
		t.Fatalf("%+v %v", c, ok)
	}
	before := records(t, s.visible())
	entries := s.sweep(c, 100)
	if len(entries) < 4 {
		t.Fatalf("%d entries are too few for this test", len(entries))
	}
	s.stageEntries(entries[:2])
	s.lead(2)
	if after := records(t, s.visible()); len(after) != len(before) {
		t.Fatalf("%d records are seen, %d were", len(after), len(before))
	}
	s.stageEntries(s.sweep(c, 100))
	if after := records(t, s.visible()); len(after) != 10 || after[0].Offset != 10 {
		t.Fatalf("%d records are seen", len(after))
	}
	if s.p.Reclaimable() < c.index {
		t.Fatalf("reclaimable up to %d, cleaned up to %d", s.p.Reclaimable(), c.index)
	}
	if _, ok := s.p.Cleanable(eager, 1); ok {
		t.Fatal("there is nothing to clean")
	}
	// An entry that does not continue a cleaning is a broken invariant.
	s.append(entries[1])
	if _, err := s.p.Apply(uint64(len(s.log)), s.term, entries[1]); err == nil {
		t.Fatal("it was applied")
	}
}

func (s *solo) commitBatch(b batch.Batch) {
	s.t.Helper()
	if _, err := s.p.Stage(b, StageOptions{AppendTime: -1}); err != nil {
		s.t.Fatal(err)
	}
	s.propose()
	s.apply()
}

// An idempotent producer goes on after its records were cleaned, and a restored replica knows the
// same.
func TestProducersSurviveTheCleaningOfTheirRecords(t *testing.T) {
	s := newSolo(t, Limits{})
	s.p.marks.distance = 1
	for seq := range int32(8) {
		s.commit(sent{producer: 7, seq: seq, value: "without a key, so it is dropped"})
	}
	c, _ := s.p.Cleanable(eager, 1)
	s.stageEntries(s.sweep(c, 1000))
	if seen := s.visible(); len(seen) != 1 || seen[0].Count() != 0 || seen[0].NextOffset() != 8 {
		t.Fatalf("%d batches are seen, want the last one without its record", len(seen))
	}
	restored := New(Limits{})
	if err := restored.Restore(s.p.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(restored.Snapshot(), s.p.Snapshot()) {
		t.Fatal("the restored replica differs")
	}
	if at := s.stage(sent{producer: 7, seq: 7}); at.BaseOffset != 7 {
		t.Fatalf("a repetition is staged at %+v", at)
	}
	if at := s.commit(sent{producer: 7, seq: 8}); at.BaseOffset != 8 {
		t.Fatalf("the next batch is staged at %+v", at)
	}
}

// Batches of transactions and control batches are left as they are, and replace nothing.
func TestTransactionsAreLeftAlone(t *testing.T) {
	const transactional, control = 0x10, 0x30
	w := NewSweep(Cleaning{Upto: 100}, 1<<20)
	var in []batch.Batch
	for i, attributes := range []byte{0, transactional, control, 0} {
		b := batch.Build([]batch.Record{{Key: []byte("k"), Value: []byte("v")}})
		b.SetBaseOffset(int64(i))
		b[22] = attributes
		b.SetCRC()
		in = append(in, b)
		if err := w.Note(b); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range in {
		if entry, err := w.Keep(b); err != nil || entry != nil {
			t.Fatal(entry, err)
		}
	}
	want := bytes.Join([][]byte{in[1], in[2], in[3]}, nil)
	if got := Payload(w.End()[0]); !bytes.Equal(got, want) {
		t.Fatalf("%d bytes are kept, want %d", len(got), len(want))
	}
}
