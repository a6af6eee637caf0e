package partition

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// attributes returns a batch with other attributes.
func attributes(b batch.Batch, set byte) batch.Batch {
	b[22] = set
	b.SetCRC()
	return b
}

// What is no part of the log of a partition is refused before it is staged, whoever brings it, and
// changes nothing.
func TestStageRefuses(t *testing.T) {
	s := newSolo(t, Limits{})
	s.lead(1)
	one := func() batch.Batch { return batch.Build([]batch.Record{{Key: []byte("k"), Value: []byte("v")}}) }
	transactional := attributes(one(), 0x10)
	transactional.SetProducer(7, 0, 0)
	huge := batch.Build([]batch.Record{{Value: make([]byte, MaxBatchBytes)}})
	for name, test := range map[string]struct {
		batches []byte
		want    *kerr.Error
	}{
		"a transaction that was not begun":  {transactional, kerr.InvalidTxnState},
		"a control batch":                   {attributes(one(), 0x30), kerr.InvalidTxnState},
		"more than an entry takes":          {huge, kerr.MessageTooLarge},
		"several that are more than it":     {bytes.Repeat(batch.Build([]batch.Record{{Value: make([]byte, MaxBatchBytes/2)}}), 2), kerr.MessageTooLarge},
		"a good one before a transactional": {append(one(), transactional...), kerr.InvalidTxnState},
		"nothing":                           {nil, kerr.InvalidRecord},
	} {
		if _, err := s.p.Stage(test.batches, StageOptions{AppendTime: -1}); err == nil || err.Kafka != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if entries := s.p.Cut(); len(entries) > 0 {
		t.Fatalf("%d entries were staged", len(entries))
	}
	full := batch.Build([]batch.Record{{Value: make([]byte, MaxBatchBytes-len(one())-16)}})
	if at, err := s.p.Stage(full, StageOptions{AppendTime: -1}); err != nil || at.BaseOffset != 0 {
		t.Fatalf("%d bytes, of which an entry takes %d: %v", len(full), MaxBatchBytes, err)
	}
	if _, err := s.p.StageEntry(make([]byte, MaxBatchBytes+HeaderBytes+1)); err == nil {
		t.Fatal("a cleaning's entry of any size is taken")
	}
}

// rubbish is a batch whose checksum is right and that nobody can read: it says gzip.
func rubbish(offset int64, payload []byte) batch.Batch {
	b := append(append(batch.Batch{}, batch.Build([]batch.Record{{}})[:batch.HeaderBytes]...), payload...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	b = attributes(b, 1)
	b.SetBaseOffset(offset)
	return b
}

// Older builds took what nobody can read. A cleaning leaves it where it is, and what is in front of
// it in the batch counts for nothing.
func TestSweepPassesOverWhatNobodyCanRead(t *testing.T) {
	keyed := func(offset int64, key, value string) batch.Batch {
		b := batch.Build([]batch.Record{{Key: []byte(key), Value: []byte(value)}})
		b.SetBaseOffset(offset)
		return b
	}
	half, err := batch.Build([]batch.Record{{Key: []byte("b"), Value: []byte("lost")}}).Recompress(1)
	if err != nil {
		t.Fatal(err)
	}
	all := []batch.Batch{
		keyed(0, "a", "old"), keyed(1, "b", "kept"), rubbish(2, []byte("no gzip")), rubbish(3, append(half.Payload(), "and more"...)), keyed(4, "a", "new"),
	}
	s := NewSweep(Cleaning{Upto: 5, Tombstones: -1}, 1<<20)
	for _, b := range all {
		if err := s.Note(b); err != nil {
			t.Fatalf("note %d: %v", b.BaseOffset(), err)
		}
	}
	for _, b := range all {
		if _, err := s.Keep(b); err != nil {
			t.Fatalf("keep %d: %v", b.BaseOffset(), err)
		}
	}
	var kept []int64
	for rest := Payload(s.End()[0]); len(rest) > 0; {
		b, after, _ := batch.Next(rest)
		kept, rest = append(kept, b.BaseOffset()), after
	}
	if want := []int64{1, 2, 3, 4}; len(kept) != len(want) || kept[0] != 1 || kept[1] != 2 || kept[2] != 3 || kept[3] != 4 {
		t.Fatalf("offsets %v are kept, want %v", kept, want)
	}
}
