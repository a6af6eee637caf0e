package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/server"
)

// TestAProduceThatIsGivenUpIsHeldUntilItsRecordsAreOut: its client has REQUEST_TIMED_OUT, and the
// records still wait for the disk.
func TestAProduceThatIsGivenUpIsHeldUntilItsRecordsAreOut(t *testing.T) {
	dropped := 0
	pending := server.NewPending()
	r := kmsg.NewPtrProduceResponse()
	r.Topics = []kmsg.ProduceResponseTopic{{Partitions: []kmsg.ProduceResponseTopicPartition{{ErrorCode: unsettled}, {ErrorCode: unsettled}}}}
	p := &producing{call: &Call{pending: pending}, response: r, acks: -1, left: 2, drop: func() { dropped++ }}
	p.expire()
	select {
	case <-pending.Ready():
	default:
		t.Fatal("it is not answered when its time is up")
	}
	for left := 2; left > 0; left-- {
		if dropped != 0 {
			t.Fatalf("it is given back while %d partitions have no outcome", left)
		}
		p.outcome(func() { t.Error("an answer that is given is changed") })
	}
	if dropped != 1 {
		t.Errorf("it is given back %d times", dropped)
	}
}

// TestADeleteThatIsGivenUpIsHeldUntilItsTrimsAreOut: its client has its answer, or has gone, and
// the trims still wait for the disk.
func TestADeleteThatIsGivenUpIsHeldUntilItsTrimsAreOut(t *testing.T) {
	dropped := 0
	d := &deleting{call: &Call{pending: server.NewPending()}, response: kmsg.NewPtrDeleteRecordsResponse(), done: make(chan struct{}), left: 2, drop: func() { dropped++ }}
	d.answer()
	for left := 2; left > 0; left-- {
		if dropped != 0 {
			t.Fatalf("it is given back while %d trims have no outcome", left)
		}
		d.outcome(func() { t.Error("an answer that is given is changed") })
	}
	if dropped != 1 {
		t.Errorf("it is given back %d times", dropped)
	}
}
