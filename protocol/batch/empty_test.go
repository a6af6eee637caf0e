package batch

import "testing"

func TestEmptyBatches(t *testing.T) {
	full := Build([]Record{{Timestamp: 5, Value: []byte("a")}, {Timestamp: 6, Value: []byte("b")}})
	full, err := full.Recompress(2)
	if err != nil {
		t.Fatal(err)
	}
	full.SetProducer(7, 1, 40)
	full.SetBaseOffset(10)
	full.SetLeaderEpoch(3)
	for _, c := range []struct {
		b        Batch
		producer int64
		sequence int32
	}{{full.Emptied(), 7, 40}, {Empty(10, 12, 3), -1, -1}} {
		b, rest, ok := Next(c.b)
		if !ok || len(rest) > 0 || b.CRC() != b.checksum() {
			t.Fatalf("% x is no batch", c.b)
		}
		if b.BaseOffset() != 10 || b.NextOffset() != 12 || b.LeaderEpoch() != 3 || b.ProducerID() != c.producer || b.BaseSequence() != c.sequence || b.MaxTimestamp() != -1 {
			t.Errorf("% x", b)
		}
		if records, err := b.Records(); err != nil || len(records) != 0 || b.Count() != 0 || b.Codec() != 0 {
			t.Errorf("%d records of %d, codec %d: %v", len(records), b.Count(), b.Codec(), err)
		}
	}
	if b := Empty(0, 1<<40, 0); b.NextOffset() != 1<<31 {
		t.Errorf("it leads to %d", b.NextOffset())
	}
}
