//go:build !race

// The race detector has pools forget what they are given now and then.

package batch

import "testing"

// A batch as producers send it is checked without an allocation, in every codec.
func TestVerifyAllocatesNothing(t *testing.T) {
	for codec := range int8(5) {
		b, err := Build(textual(16)).Recompress(codec)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(200, func() {
			if _, err := b.Verify(anything); err != nil {
				t.Error(err)
			}
		}); n > 2 { // a collection empties the pools
			t.Errorf("%s: %v allocations", codecNames[codec], n)
		}
	}
}
