package spans

import (
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestParentsAreFollowed(t *testing.T) {
	for _, c := range []struct {
		header         string
		sampled, valid bool
	}{
		{parent, true, true},
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", false, true},
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", true, true},
		// of a later version
		{"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", true, true},
		{parent + "-more", false, false},
		{"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false, false},
		{"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false, false},
		{"00-00000000000000000000000000000000-b7ad6b7169203331-01", false, false},
		{"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false, false},
		{"", false, false}, {"00", false, false},
	} {
		got, sampled, valid := parse([]byte(c.header))
		if sampled && valid != c.sampled || valid != c.valid {
			t.Errorf("%q: sampled %v, valid %v, want %v and %v", c.header, sampled, valid, c.sampled, c.valid)
		}
		if valid && hex.EncodeToString(got.Trace[:]) != c.header[3:35] {
			t.Errorf("%q: trace %x", c.header, got.Trace)
		}
	}
}

func TestSampling(t *testing.T) {
	always, never := NewTracer(1, nil), NewTracer(0, nil)
	got, from, ok := never.Sample([]byte(parent))
	if !ok || hex.EncodeToString(got.Trace[:]) != parent[3:35] || hex.EncodeToString(from[:]) != parent[36:52] || got.Span == from {
		t.Errorf("a sampled parent: %x below %x, %v", got, from, ok)
	}
	if _, _, ok := always.Sample([]byte(parent[:54] + "0")); ok {
		t.Error("what the parent does not sample is sampled")
	}
	if got, from, ok := always.Sample(nil); !ok || !got.Sampled() || from != (SpanID{}) {
		t.Errorf("all of what has no parent: %x below %x, %v", got, from, ok)
	}
	if _, _, ok := never.Sample(nil); ok {
		t.Error("what has no parent is sampled though none should")
	}
	n := 0
	tenth := NewTracer(0.1, nil)
	for range 20_000 {
		if _, _, ok := tenth.Sample(nil); ok {
			n++
		}
	}
	if n < 1_600 || n > 2_400 { // 2,000 ± 9 standard deviations
		t.Errorf("a tenth of 20,000 is %d", n)
	}
}

func TestAnyHeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parse(rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "header")) // must not panic
	})
}
