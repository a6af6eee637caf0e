package replica

import (
	"testing"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// A leader whose disk is slow does not know yet that records are committed which a follower has
// shown. Whoever read them there is not told that they were truncated.
func TestTheLogEndIsAheadOfTheHighWatermark(t *testing.T) {
	n := newAlone(t)
	n.produce(batch.Record{Value: []byte("a")})
	before := n.ref.View()
	n.slow = true
	n.ref.Append(&Records{Batches: batch.Build([]batch.Record{{Value: []byte("b")}, {Value: []byte("c")}}), Epoch: -1, Done: func(Appended) {}})
	v := n.ref.View()
	if v.HighWatermark != before.HighWatermark {
		t.Fatalf("the high watermark is %d before anything is written", v.HighWatermark)
	}
	if want := before.HighWatermark + 2; v.LogEnd() != want {
		t.Errorf("the log ends at %d, want %d", v.LogEnd(), want)
	}
	if epoch, end := v.EpochEnd(v.Epoch); epoch != v.Epoch || end != v.LogEnd() {
		t.Errorf("the leader's epoch ends at (%d, %d), want (%d, %d)", epoch, end, v.Epoch, v.LogEnd())
	}
}
