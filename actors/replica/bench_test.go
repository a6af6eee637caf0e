package replica

import (
	"fmt"
	"testing"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// BenchmarkProduce is what a partition does with a batch, from the request to the answer, on a
// replica that is its shard alone and stores nothing: staging, raft, applying, the view.
func BenchmarkProduce(b *testing.B) {
	for _, records := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("%dKiB", records), func(b *testing.B) {
			n := newAlone(b)
			n.blank = true
			request := benchBatch(records)
			b.SetBytes(int64(len(request)))
			for b.Loop() {
				n.ref.Append(&Records{Batches: request, Epoch: -1, Done: func(a Appended) {
					if a.Err != nil {
						b.Fatal(a.Err)
					}
				}})
			}
		})
	}
}

// BenchmarkFetch reads 1 MiB: of the end of the log, which is in memory, and of its beginning,
// which is not.
func BenchmarkFetch(b *testing.B) {
	n := newAlone(b)
	for range 4 * tailBytes / (128 << 10) {
		n.ref.Append(&Records{Batches: benchBatch(128), Epoch: -1, Done: func(a Appended) {
			if a.Err != nil {
				b.Fatal(a.Err)
			}
		}})
	}
	v := n.ref.View()
	for name, offset := range map[string]int64{"tail": v.HighWatermark - 1024, "store": 0} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(1 << 20)
			for b.Loop() {
				chunks, err := v.Read(offset, FetchLimits{MaxBytes: 1 << 20, MinOne: true, Upto: v.HighWatermark})
				if err != nil || len(chunks) == 0 {
					b.Fatal(err, len(chunks))
				}
			}
		})
	}
}

// benchBatch is a batch of so many records of 1 KiB.
func benchBatch(records int) batch.Batch {
	all := make([]batch.Record, records)
	for i := range all {
		all[i].Value = make([]byte, 1<<10)
	}
	return batch.Build(all)
}
