package replica

import (
	"testing"

	"github.com/troupe-mq/troupe/actors/stages"
)

// turns is a clock with readings that a test can predict: each turn begins at the moment it is
// told.
func turns() (*clock, *stages.Clock, func(stages.Moment)) {
	s := &stages.Clock{}
	c := &clock{stages: s}
	return c, s, func(at stages.Moment) { c.turn = at }
}

func TestClockFollowsProposals(t *testing.T) {
	c, s, turn := turns()
	turn(1000)
	c.taken(&Records{sent: 400})
	c.taken(&Records{}) // not sent by a Ref
	c.given(7, plainWrite)
	c.proposed(7, [][]byte{make([]byte, 30), make([]byte, 12)})
	turn(2000)
	c.given(9, plainWrite)
	c.proposed(9, [][]byte{make([]byte, 1)})
	turn(5000)
	c.written()
	c.applied(7)
	turn(8000)
	c.written()
	turn(8100)
	c.applied(9)
	if got := s.Queue.Read(); got.Count != 1 || got.Sum != 600 {
		t.Errorf("queue: %+v, want one of 600", got)
	}
	if got := s.ProposalBytes.Read(); got.Count != 2 || got.Sum != 43 {
		t.Errorf("bytes: %+v, want 42 and 1", got)
	}
	if got := s.Replicate.Read(); got.Count != 2 || got.Sum != 100 {
		t.Errorf("replicate: %+v, want 0 and 100", got)
	}
	if got := s.Apply.Read(); got.Count != 2 {
		t.Errorf("apply: %+v, want two", got)
	}
	if len(c.writes)+len(c.proposals) != 0 {
		t.Errorf("it still holds %d writes and %d proposals", len(c.writes), len(c.proposals))
	}
}

func TestClockForgetsWhatADeposedLeaderProposed(t *testing.T) {
	c, s, turn := turns()
	turn(1)
	c.given(3, plainWrite)
	c.proposed(3, nil)
	c.deposed()
	c.written()
	c.applied(3)
	if got := s.Replicate.Read(); got.Count != 0 {
		t.Errorf("replicate: %+v, want nothing: the entry may be another leader's", got)
	}
}

func TestClockWithoutStages(t *testing.T) {
	var c clock
	c.begin()
	c.taken(&Records{sent: 1})
	c.given(1, plainWrite)
	c.proposed(1, nil)
	c.written()
	c.applied(1)
	if len(c.writes)+len(c.proposals) != 0 {
		t.Error("a clock without stages holds on to something")
	}
}
