package node

import "testing"

func TestCachesShareTheMemory(t *testing.T) {
	n := &Node{config: Config{Memory: 1 << 30}}
	for _, c := range []struct {
		replicas int64
		want     int
	}{
		{0, mostCache}, {16, mostCache}, {64, mostCache}, {1000, 1 << 27 / 1000}, {100_000, leastCache},
	} {
		n.placed.Store(c.replicas)
		if got := n.cacheBytes(); got != c.want {
			t.Errorf("%d replicas keep %d bytes each, want %d", c.replicas, got, c.want)
		}
	}
	if got := (&Node{}).cacheBytes(); got != mostCache {
		t.Errorf("without a budget a replica keeps %d bytes", got)
	}
}
