package batch

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// What is filtered holds the wanted records as they were, and still says where the batch ends and
// what its producer numbered.
func TestFilterKeepsWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := Build(drawRecords(t))
		plain.SetBaseOffset(1000)
		plain.SetLeaderEpoch(7)
		binary.BigEndian.PutUint64(plain[producerAt:], 4711)
		binary.BigEndian.PutUint16(plain[producerEAt:], 3)
		binary.BigEndian.PutUint32(plain[sequenceAt:], 99)
		b, err := plain.Recompress(int8(rapid.IntRange(0, 4).Draw(t, "codec")))
		if err != nil {
			t.Fatal(err)
		}
		all, err := b.Records()
		if err != nil {
			t.Fatal(err)
		}
		wanted := make(map[int64]bool)
		var want []Record
		for _, r := range all {
			if rapid.Bool().Draw(t, "wanted") {
				wanted[r.Offset] = true
				want = append(want, r)
			}
		}
		got, err := b.Filter(func(o Outline) bool { return wanted[o.Offset] })
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 {
			if got != nil {
				t.Fatalf("nothing is wanted, got %d bytes", len(got))
			}
			return
		}
		kept, err := got.Records()
		if err != nil || !reflect.DeepEqual(kept, want) {
			t.Fatalf("%v (%v), want %v", kept, err, want)
		}
		if len(want) == len(all) && !bytes.Equal(got, b) {
			t.Fatal("all is wanted, and the bytes are others")
		}
		if got.CRC() != got.checksum() || got.Codec() != b.Codec() || got.LastOffset() != b.LastOffset() || got.LastSequence() != b.LastSequence() ||
			got.ProducerID() != 4711 || got.ProducerEpoch() != 3 || got.LeaderEpoch() != 7 || got.BaseTimestamp() != b.BaseTimestamp() {
			t.Fatalf("header %x of %x", got[:HeaderBytes], b[:HeaderBytes])
		}
		largest := int64(-1)
		for _, r := range want {
			largest = max(largest, r.Timestamp)
		}
		if got.MaxTimestamp() != largest {
			t.Fatalf("largest timestamp %d, want %d", got.MaxTimestamp(), largest)
		}
	})
}

func TestFilterRefusesWhatItCannotRead(t *testing.T) {
	b := Build([]Record{{Key: []byte("k"), Value: []byte("v")}, {Key: []byte("k")}})
	binary.BigEndian.PutUint32(b[countAt:], 1) // something follows the last record
	if _, err := b.Filter(func(Outline) bool { return true }); err == nil {
		t.Fatal("bytes behind the last record were passed over")
	}
	binary.BigEndian.PutUint32(b[countAt:], 3)
	if _, err := b.Filter(func(Outline) bool { return true }); err == nil {
		t.Fatal("a record that is not there was passed over")
	}
}
