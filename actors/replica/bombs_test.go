package replica

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math"
	"runtime"
	"testing"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// zipped returns a batch that says that it holds so many records of a time, in gzip, which are
// these bytes.
func zipped(at int64, count int, plain []byte) batch.Batch {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(plain)
	w.Close()
	return unzippable(at, count, out.Bytes())
}

// unzippable is zipped of bytes that are compressed already, or say so.
func unzippable(at int64, count int, payload []byte) batch.Batch {
	b := append(append(batch.Batch{}, batch.Build([]batch.Record{{Timestamp: at}})[:batch.HeaderBytes]...), payload...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	b[22] = 1
	binary.BigEndian.PutUint32(b[23:], uint32(count-1))
	binary.BigEndian.PutUint32(b[57:], uint32(count))
	b.SetCRC()
	return b
}

// recordOf encodes a record with a key and n headers of two bytes.
func recordOf(delta int64, key string, n int) []byte {
	body := binary.AppendVarint([]byte{0, 0}, delta)
	body = append(binary.AppendVarint(body, int64(len(key))), key...)
	body = binary.AppendVarint(append(body, 2, 'v'), int64(n))
	body = append(body, bytes.Repeat([]byte{0, 1}, n)...)
	return append(binary.AppendVarint(nil, int64(len(body))), body...)
}

// append appends batches as an older build did, which did not open them.
func (n *alone) append(batches ...batch.Batch) {
	n.t.Helper()
	for _, b := range batches {
		n.ref.Append(&Records{Batches: b, Epoch: -1, Done: func(a Appended) {
			if a.Err != nil {
				n.t.Fatal(a.Err)
			}
		}})
	}
}

// taken returns how many bytes f allocates in all.
func taken(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Whatever lies in the log, searches by time, the lag in time and cleanings take memory for what
// they look at only, and come past what nobody can read.
func TestReadersComePastBombsAndRubbish(t *testing.T) {
	// 2 MB in some KiB; 40 bytes each where they are taken apart, and the slice doubles
	const headers = 1_000_000
	plain := func(at int64, key string) batch.Batch {
		return batch.Build([]batch.Record{{Timestamp: at, Key: []byte(key), Value: []byte("v")}})
	}
	for name, c := range map[string]struct {
		stored []batch.Batch
		search TimestampOffset // the first record of 2000 or later
		lag    int64           // time of the first record from offset 1 on
		bound  uint64          // of what one reader allocates, in bytes
	}{
		"a record of many headers": {
			[]batch.Batch{plain(1000, "a"), zipped(2000, 1, recordOf(0, "b", headers)), plain(3000, "a")},
			TimestampOffset{Offset: 1, Timestamp: 2000}, 2000, 4 << 20,
		},
		"one that is superseded, beside another": {
			[]batch.Batch{plain(1000, "a"), zipped(2000, 2, append(recordOf(0, "b", headers), recordOf(1, "c", 1)...)), plain(3000, "b")},
			TimestampOffset{Offset: 1, Timestamp: 2000}, 2000, 4 << 20,
		},
		"rubbish": {
			[]batch.Batch{plain(1000, "a"), unzippable(2000, 1, []byte("no gzip")), plain(3000, "a")},
			TimestampOffset{Offset: 2, Timestamp: 3000}, 3000, 4 << 20,
		},
		"a thousand records that say a million": {
			[]batch.Batch{plain(1000, "a"), zipped(2000, 1_000_000, make([]byte, 1000)), plain(3000, "a")},
			TimestampOffset{Offset: 1_000_001, Timestamp: 3000}, 3000, 4 << 20,
		},
		"a record of 2 GiB that is not there": {
			[]batch.Batch{plain(1000, "a"), zipped(2000, 1, binary.AppendVarint(nil, math.MaxInt32)), plain(3000, "a")},
			TimestampOffset{Offset: 2, Timestamp: 3000}, 3000, 4 << 20,
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newAlone(t)
			n.append(c.stored...)
			v := n.ref.View()
			readers := map[string]func(){
				"search": func() {
					at, found, err := v.OffsetForTime(2000)
					if at.Epoch = 0; err != nil || !found || at != c.search {
						t.Errorf("the first of 2000: %+v, %v, %v; want %+v", at, found, err, c.search)
					}
				},
				"lag": func() {
					if ms, found, err := v.TimeAt(1); err != nil || !found || ms != c.lag {
						t.Errorf("the first from offset 1 on: %d, %v, %v; want %d", ms, found, err, c.lag)
					}
				},
				"cleaning": func() { n.clean(1 << 40) },
			}
			for _, reader := range []string{"search", "lag", "cleaning"} {
				if got := taken(readers[reader]); got > c.bound {
					t.Errorf("%s: %d MiB", reader, got>>20)
				}
			}
			if end := n.ref.View().HighWatermark; end != v.HighWatermark {
				t.Errorf("the log ends at %d, it ended at %d", end, v.HighWatermark)
			}
		})
	}
}
