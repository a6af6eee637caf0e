package replica

import (
	"testing"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// Who has the answer to a produce request and reads finds the records, on whatever connection: the
// view shows them before the answer leaves.
func TestAnswersComeAfterTheView(t *testing.T) {
	n := newAlone(t)
	answered := 0
	for range 3 {
		n.ref.Append(&Records{Batches: batch.Build([]batch.Record{{Value: []byte("a")}, {Value: []byte("b")}}), Epoch: -1, Done: func(a Appended) {
			if a.Err != nil {
				t.Fatal(a.Err)
			}
			if shown := n.ref.View().HighWatermark; shown < a.BaseOffset+2 {
				t.Errorf("the records at %d and %d are acknowledged, the view ends at %d", a.BaseOffset, a.BaseOffset+1, shown)
			}
			answered++
		}})
	}
	n.ref.Send(&Trim{Offset: 2, Done: func(start int64, err *protocol.Error) {
		if shown := n.ref.View().LogStart; err != nil || start != 2 || shown != 2 {
			t.Errorf("trimmed up to %d (%v), the view starts at %d", start, err, shown)
		}
		answered++
	}})
	if answered != 4 {
		t.Fatalf("%d of 4 answered", answered)
	}
}
