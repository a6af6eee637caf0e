package node

import "testing"

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
