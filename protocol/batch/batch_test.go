package batch

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// drawBytes draws null, empty or some bytes.
func drawBytes(t *rapid.T, label string) []byte {
	if rapid.IntRange(0, 3).Draw(t, label+" null") == 0 {
		return nil
	}
	return rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, label)
}

func drawRecords(t *rapid.T) []Record {
	records := make([]Record, rapid.IntRange(1, 30).Draw(t, "records"))
	for i := range records {
		r := &records[i]
		r.Offset = int64(i)
		r.Timestamp = rapid.Int64Range(0, 1<<42).Draw(t, "timestamp")
		r.Key, r.Value = drawBytes(t, "key"), drawBytes(t, "value")
		for range rapid.IntRange(0, 2).Draw(t, "headers") {
			r.Headers = append(r.Headers, Header{rapid.StringN(0, 5, 20).Draw(t, "name"), drawBytes(t, "header")})
		}
	}
	return records
}

// fromKmsg encodes records with kmsg's own writers, which Troupe's must agree with.
func fromKmsg(records []Record) []byte {
	b := kmsg.NewRecordBatch()
	b.Magic, b.PartitionLeaderEpoch = 2, -1
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = -1, -1, -1
	b.NumRecords, b.LastOffsetDelta = int32(len(records)), int32(len(records)-1)
	b.FirstTimestamp, b.MaxTimestamp = records[0].Timestamp, records[0].Timestamp
	for i, r := range records {
		b.MaxTimestamp = max(b.MaxTimestamp, r.Timestamp)
		k := kmsg.NewRecord()
		k.OffsetDelta, k.TimestampDelta64 = int32(i), r.Timestamp-records[0].Timestamp
		k.Key, k.Value = r.Key, r.Value
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		k.Length = int32(len(k.AppendTo(nil)) - 1) // encoded with a length of one byte, 0
		b.Records = k.AppendTo(b.Records)
	}
	b.Length = int32(len(b.AppendTo(nil)) - prefixBytes)
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[attributeAt:], crc32.MakeTable(crc32.Castagnoli)))
	return b.AppendTo(nil)
}

func TestBuildWritesWhatKmsgWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		if got, want := Build(records), fromKmsg(records); !bytes.Equal(got, want) {
			t.Fatalf("%x\nkmsg: %x", []byte(got), want)
		}
	})
}

func TestRecordsReturnsWhatWasBuiltInEveryCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		plain := Build(records)
		codec := rapid.Int8Range(0, 4).Draw(t, "codec")
		b, err := plain.Recompress(codec)
		if err != nil {
			t.Fatal(err)
		}
		if _, refused := Check(b); refused != nil || b.Codec() != codec {
			t.Fatalf("codec %d: %v", b.Codec(), refused)
		}
		got, err := b.Records()
		if err != nil || !reflect.DeepEqual(got, records) {
			t.Fatalf("codec %d: %v\n%+v\nwant %+v", codec, err, got, records)
		}
		if again, err := b.Recompress(0); err != nil || !bytes.Equal(again, plain) {
			t.Fatalf("codec %d and back: %v", codec, err)
		}
	})
}

func TestRecordsReadsFranzGoCompression(t *testing.T) {
	records := []Record{{Key: []byte("k"), Value: bytes.Repeat([]byte("value "), 1000)}}
	for codec, c := range map[int8]kgo.CompressionCodec{1: kgo.GzipCompression(), 2: kgo.SnappyCompression(), 3: kgo.Lz4Compression(), 4: kgo.ZstdCompression()} {
		compressor, err := kgo.DefaultCompressor(c)
		if err != nil {
			t.Fatal(err)
		}
		payload, _ := compressor.Compress(new(bytes.Buffer), Build(records).Payload())
		b := withPayload(Build(records), codec, payload)
		if got, err := b.Records(); err != nil || !reflect.DeepEqual(got, records) {
			t.Errorf("codec %d: %v", codec, err)
		}
	}
}

// withPayload replaces the records of a batch.
func withPayload(b Batch, codec int8, payload []byte) Batch {
	out := append(append(Batch{}, b[:HeaderBytes]...), payload...)
	binary.BigEndian.PutUint16(out[attributeAt:], uint16(b.Attributes()&^codecMask|int16(codec)))
	out.finish()
	return out
}

func TestSettersLeaveTheChecksumValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Build(drawRecords(t))
		offset, epoch := rapid.Int64Range(0, 1<<60).Draw(t, "offset"), rapid.Int32Min(0).Draw(t, "epoch")
		b.SetBaseOffset(offset)
		b.SetLeaderEpoch(epoch)
		if b.BaseOffset() != offset || b.LeaderEpoch() != epoch || b.NextOffset() != offset+int64(b.Count()) {
			t.Fatalf("offset %d epoch %d next %d", b.BaseOffset(), b.LeaderEpoch(), b.NextOffset())
		}
		if _, err := Check(b); err != nil {
			t.Fatalf("after offset and epoch: %v", err)
		}
		b.SetAppendTime(12345)
		if _, err := Check(b); err != nil || !b.AppendTime() || b.MaxTimestamp() != 12345 {
			t.Fatalf("after append time: %v", err)
		}
		records, err := b.Records()
		for _, r := range records {
			if err != nil || r.Timestamp != 12345 {
				t.Fatalf("record at %d: %v", r.Timestamp, err)
			}
		}
	})
}

func TestNextWalksOverBatchesBackToBack(t *testing.T) {
	one, two := Build([]Record{{Value: []byte("a")}}), Build([]Record{{Value: []byte("b")}, {Value: []byte("c")}})
	both := append(append([]byte{}, one...), two...)
	first, rest, ok := Next(both)
	if !ok || !bytes.Equal(first, one) {
		t.Fatal("the first batch is not the first")
	}
	second, rest, ok := Next(rest)
	if !ok || !bytes.Equal(second, two) || len(rest) != 0 {
		t.Fatal("the second batch is not the second")
	}
	for n := range len(one) {
		if _, _, ok := Next(both[:n]); ok {
			t.Fatalf("%d of %d bytes are taken for a batch", n, len(one))
		}
	}
}

func TestSequencesGoOnAtZero(t *testing.T) {
	b := Build([]Record{{}, {}, {}})
	binary.BigEndian.PutUint32(b[sequenceAt:], 0x7ffffffe)
	if got := b.LastSequence(); got != 0 {
		t.Fatalf("after 2³¹-2 and 2³¹-1 comes %d", got)
	}
}

func TestCheckRefuses(t *testing.T) {
	set := func(f func(b Batch)) []byte {
		b := Build([]Record{{Key: []byte("k"), Value: []byte("v")}, {Value: []byte("w")}})
		f(b)
		b.SetCRC()
		return b
	}
	good := Build([]Record{{Value: []byte("v")}})
	flipped := append(Batch{}, good...)
	flipped[len(flipped)-1] ^= 1
	for name, test := range map[string]struct {
		bytes []byte
		want  *kerr.Error
	}{
		"nothing":          {nil, kerr.CorruptMessage},
		"a piece":          {good[:HeaderBytes-1], kerr.CorruptMessage},
		"a missing end":    {good[:len(good)-1], kerr.CorruptMessage},
		"a flipped bit":    {flipped, kerr.CorruptMessage},
		"a long length":    {set(func(b Batch) { binary.BigEndian.PutUint32(b[lengthAt:], 1<<30) }), kerr.CorruptMessage},
		"a negative one":   {set(func(b Batch) { binary.BigEndian.PutUint32(b[lengthAt:], 0xffffff00) }), kerr.CorruptMessage},
		"magic 1":          {set(func(b Batch) { b[magicAt] = 1 }), kerr.InvalidRecord},
		"two batches":      {append(append([]byte{}, good...), good...), kerr.InvalidRecord},
		"no records":       {set(func(b Batch) { binary.BigEndian.PutUint32(b[countAt:], 0) }), kerr.InvalidRecord},
		"a wrong count":    {set(func(b Batch) { binary.BigEndian.PutUint32(b[countAt:], 3) }), kerr.InvalidRecord},
		"a wrong delta":    {set(func(b Batch) { binary.BigEndian.PutUint32(b[deltaAt:], 5) }), kerr.InvalidRecord},
		"codec 5":          {set(func(b Batch) { b[attributeAt+1] = 5 }), kerr.UnsupportedCompressionType},
		"control":          {set(func(b Batch) { b[attributeAt+1] = controlBit }), kerr.InvalidRecord},
		"a delete horizon": {set(func(b Batch) { b[attributeAt+1] = deleteHorizonBit }), kerr.InvalidRecord},
		"no producer":      {set(func(b Batch) { b[attributeAt+1] = transactionalBit }), kerr.InvalidRecord},
		"no sequence":      {set(func(b Batch) { binary.BigEndian.PutUint64(b[producerAt:], 7) }), kerr.InvalidRecord},
	} {
		if _, err := Check(test.bytes); err == nil || err.Kafka != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if _, err := Check(good); err != nil {
		t.Errorf("a good batch: %v", err)
	}
}
