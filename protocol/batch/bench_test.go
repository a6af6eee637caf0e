package batch

import (
	"fmt"
	"testing"
)

// BenchmarkCheck is what is done to every batch that a producer sends, on its connection's goroutine.
func BenchmarkCheck(b *testing.B) {
	for _, records := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("%dKiB", records), func(b *testing.B) {
			all := make([]Record, records)
			for i := range all {
				all[i].Value = make([]byte, 1<<10)
			}
			sent := Build(all)
			b.SetBytes(int64(len(sent)))
			for b.Loop() {
				if _, err := Check(sent); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
