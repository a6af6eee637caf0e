package replica

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// idempotent has a new producer write one record, and returns what it was told.
func (n *alone) idempotent(id int64, sequence int32) (got Appended) {
	n.t.Helper()
	b := batch.Build([]batch.Record{{Value: []byte("v")}})
	b.SetProducer(id, 0, sequence)
	n.ref.Append(&Records{Batches: b, Epoch: -1, Done: func(a Appended) { got = a }})
	return got
}

// What the replicas of a node remember of producers is bounded for the node: no partition takes the
// whole of it, each has room for some, and it is given back when a producer has been silent long
// enough and when the replica stops.
func TestProducersAreBoundedForTheNode(t *testing.T) {
	shared := NewProducers(1000)
	first, second := newAlone(t), newAlone(t)
	for _, n := range []*alone{first, second} {
		n.producers = shared
		n.restart()
	}
	fill := func(n *alone) (taken int64) {
		for id := range int64(2000) {
			switch a := n.idempotent(id, 0); {
			case a.Err == nil:
				taken++
			case a.Err.Kafka != kerr.KafkaStorageError:
				t.Fatal(a.Err)
			}
		}
		return taken
	}
	if taken := fill(first); taken != 500 {
		t.Errorf("the first partition takes %d producers", taken)
	}
	if taken := fill(second); taken != 250 {
		t.Errorf("the second partition takes %d producers", taken)
	}
	if again := first.idempotent(0, 0); again.Err != nil || again.BaseOffset != 0 {
		t.Errorf("the first producer's repetition: %+v", again)
	}
	if shared.Held() != 750 {
		t.Errorf("%d are held", shared.Held())
	}
	const expiration = 1000
	for _, now := range []int64{1 << 40, 1<<40 + 2*expiration} {
		second.ref.Send(&Tend{Policy: compacted, Now: now, Retain: true, Expiration: expiration, Done: func(Tended) {}})
	}
	if shared.Held() != 500 {
		t.Errorf("%d are held after the second's were silent for long", shared.Held())
	}
	first.actor.Stopped()
	if shared.Held() != 0 {
		t.Errorf("%d are held after the first stopped", shared.Held())
	}
	many := NewProducers(0)
	for range 3 {
		n := newAlone(t)
		n.producers = many
		n.restart()
		if taken := fill(n); taken != leastProducers {
			t.Errorf("a partition takes %d producers on a node without room", taken)
		}
	}
}
