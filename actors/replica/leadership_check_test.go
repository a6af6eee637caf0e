package replica

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

func TestLeadershipChecksWaitForTheirConfirmation(t *testing.T) {
	var d leadershipChecks
	var told []string
	add := func(name string) {
		d.add(func() { told = append(told, name+" sure") }, func(err *protocol.Error) { told = append(told, name+" "+err.Kafka.Message) })
	}
	add("a")
	if !d.open() {
		t.Error("nothing is asked for")
	}
	d.asked(1)
	add("b")
	d.asked(2)
	add("c")
	d.confirmed(1)
	if want := []string{"a sure"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	d.confirmed(9)
	if len(told) != 2 || !d.open() {
		t.Errorf("told %q; c was not asked about and has to wait", told)
	}
	d.fail(notLeader(0))
	if len(told) != 3 || told[2] != "c "+kerr.NotLeaderForPartition.Message || d.open() {
		t.Errorf("told %q, want c to be sent to another leader", told)
	}
}

func TestFinalRefusals(t *testing.T) {
	if !final(protocol.Errorf(kerr.OutOfOrderSequenceNumber, "")) || final(protocol.Errorf(kerr.NotLeaderForPartition, "")) || final(protocol.Errorf(kerr.CorruptMessage, "")) {
		t.Error("only what makes a producer begin anew is final")
	}
}

// The only replica of a shard is sure of itself; what it is asked of another epoch it refuses.
func TestConfirm(t *testing.T) {
	n := newAlone(t)
	var told []*protocol.Error
	ask := func(epoch int32) {
		n.ref.Send(&Confirm{Epoch: epoch, Done: func(err *protocol.Error) { told = append(told, err) }})
	}
	ask(n.ref.View().Epoch)
	ask(n.ref.View().Epoch + 1)
	if len(told) != 2 || !slices.ContainsFunc(told, func(e *protocol.Error) bool { return e == nil }) ||
		!slices.ContainsFunc(told, func(e *protocol.Error) bool { return e != nil && e.Kafka == kerr.NotLeaderForPartition }) {
		t.Errorf("told %v, want one confirmation and one refusal", told)
	}
}
