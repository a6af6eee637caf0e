package batch

import (
	"fmt"
	"math"
	"testing"
)

var codecNames = [5]string{"none", "gzip", "snappy", "lz4", "zstd"}

// textual makes records of about 1 KiB that compress as log lines do, some 3 to 1.
func textual(n int) []Record {
	all := make([]Record, n)
	for i := range all {
		var v []byte
		for len(v) < 1<<10 {
			v = fmt.Appendf(v, `{"level":"info","id":%d,"took_us":%d,"path":"/api/v1/things/%x"},`, i, (i*7919+len(v))%10007, uint32(i*2654435761+len(v)*40503))
		}
		all[i] = Record{Timestamp: 1_700_000_000_000 + int64(i), Key: fmt.Appendf(nil, "key-%d", i), Value: v}
	}
	return all
}

// BenchmarkCheck is what is done to every batch that a producer sends, on its connection's
// goroutine: the checksum and the header alone, and with the records opened. Bytes are those that
// were sent.
func BenchmarkCheck(b *testing.B) {
	all := Demands{Earliest: math.MinInt64, Latest: math.MaxInt64, Inflated: 32 << 20}
	for codec, name := range codecNames {
		for _, records := range []int{1, 16, 128, 1024} {
			sent, err := Build(textual(records)).Recompress(int8(codec))
			if err != nil {
				b.Fatal(err)
			}
			run := func(part string, f func() bool) {
				b.Run(fmt.Sprintf("%s/%dKiB/%s", name, records, part), func(b *testing.B) {
					b.SetBytes(int64(len(sent)))
					b.ReportAllocs()
					for b.Loop() {
						if !f() {
							b.Fatal("refused")
						}
					}
				})
			}
			run("header", func() bool { _, err := Check(sent); return err == nil })
			run("records", func() bool { _, err := sent.Verify(all); return err == nil })
		}
	}
}
