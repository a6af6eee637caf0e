package operate

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Clients that do not wait for their changes leave them behind while nothing becomes durable: no
// more of them are taken than there is room for, neither from here nor from other nodes, and each
// is given back with its outcome.
func TestChangesThatNobodyWaitsForAreBounded(t *testing.T) {
	p := proposals{most: 10 * proposalBytes}
	taken := 0
	for p.take(proposalBytes) {
		taken++
	}
	if taken != 5 {
		t.Errorf("%d are taken, there is room for 5", taken)
	}
	p.give(proposalBytes)
	if !p.take(0) {
		t.Error("what was given back is not taken again")
	}
	p.give(0)
	for range taken - 1 {
		p.give(proposalBytes)
	}
	if !p.take(1<<30) || p.take(0) {
		t.Error("a large one is taken alone")
	}
	if p.give(1 << 30); p.bytes != 0 {
		t.Errorf("%d bytes are left", p.bytes)
	}
}

// A node without room says that nothing was done, so that who asked tries again, and tells its own
// client why.
func TestNoRoomForAChange(t *testing.T) {
	op := &Operator{here: local.New(local.Options{ID: 1, Runtime: actors.Goroutines{}, Log: slog.New(slog.DiscardHandler)}), proposals: proposals{most: 1, bytes: 1}}
	c := metadata.Command{FormCluster: &metadata.FormCluster{ClusterID: "x"}}
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	table := question.NewTable(op.here)
	submitQuestion.AnsweredLater(table, op.submitted)
	table.Answer(2, "submit", body, func(answer []byte, err error) {
		asked++
		var o outcome
		if err := json.Unmarshal(answer, &o); err != nil || !o.NotLeader {
			t.Errorf("%s, %v", answer, err)
		}
	})
	if asked != 1 {
		t.Errorf("%d answers", asked)
	}
	if o, err := op.submitHere(context.Background(), c, len(body)); err != nil || !o.NotLeader || !o.Full {
		t.Errorf("%+v, %v", o, err)
	}
	if err := notTaken(true); !strings.Contains(err.Error(), "room") {
		t.Error(err)
	}
	if op.proposals.bytes != 1 {
		t.Errorf("%d bytes", op.proposals.bytes)
	}
}
