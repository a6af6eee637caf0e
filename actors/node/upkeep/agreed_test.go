package upkeep

import (
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
)

func TestAgreedTime(t *testing.T) {
	const wrong = 1 << 50
	for _, c := range []struct {
		name   string
		clocks []int64
		nodes  int
		want   int64
		ok     bool
	}{
		{"one node", []int64{7}, 1, 7, true},
		{"two nodes: the earlier", []int64{wrong, 7}, 2, 7, true},
		{"two nodes, one of which does not answer", []int64{7}, 2, 0, false},
		{"three nodes", []int64{9, 7, 8}, 3, 8, true},
		{"one ahead", []int64{wrong, 7, 8}, 3, 8, true},
		{"one behind", []int64{-wrong, 7, 8}, 3, 7, true},
		{"one ahead, one that does not answer", []int64{wrong, 7}, 3, 7, true},
		{"one alone", []int64{wrong}, 3, 0, false},
		{"two of five ahead", []int64{wrong, 7, wrong, 8, 9}, 5, 9, true},
		{"two of five do not answer, one is ahead", []int64{wrong, 7, 8}, 5, 8, true},
		{"half of four", []int64{7, 8}, 4, 0, false},
	} {
		if got, ok := agreedTime(c.clocks, c.nodes); got != c.want || ok != c.ok {
			t.Errorf("%s: %d %v, want %d %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

// A reading of the clock stays in the log: by one that was made from a clock far behind, whoever
// wrote a moment ago is taken for silent since then at the next one. So it needs a majority whose
// clocks agree; what is deleted does not. Nodes of an older build tell no clock, and keep nobody
// from deleting what is old.
func TestTheAgreedTime(t *testing.T) {
	const now, never = int64(1_700_000_000_000), 0
	long, short := readable.Milliseconds()+1, readable.Milliseconds()-1
	for _, c := range []struct {
		name   string
		others []int64 // clocks of those that answer; 0 tells none
		nodes  int     // others
		want   agreed
	}{
		{"alone", nil, 0, agreed{now, true, true}},
		{"three that agree", []int64{now + 1, now - 1}, 2, agreed{now, true, true}},
		{"one far behind", []int64{now - long, now + 1}, 2, agreed{now, true, true}},
		{"one far behind, one that does not answer", []int64{now - long}, 2, agreed{now - long, true, false}},
		{"one far ahead, one that does not answer", []int64{now + long}, 2, agreed{now, true, false}},
		{"one a little behind, one that does not answer", []int64{now - short}, 2, agreed{now - short, true, true}},
		{"nobody answers", nil, 2, agreed{}},
		{"two older builds", []int64{never, never}, 2, agreed{now, true, true}},
		{"one older build", []int64{never, now + 1}, 2, agreed{now, true, true}},
		{"one older build, one that does not answer", []int64{never}, 2, agreed{}},
	} {
		answers := make(map[metadata.NodeID]int64)
		for i, clock := range c.others {
			answers[metadata.NodeID(i+2)] = clock
		}
		if got := agreement(now, answers, c.nodes); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
