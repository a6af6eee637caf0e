package leadership

import (
	"testing"
	"time"

	"github.com/troupe-mq/troupe/storage"
)

// The longest hand-over counts from the first time that it was asked for, each once.
func TestHandover(t *testing.T) {
	start := time.Unix(0, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	h := handover{asked: make(map[storage.ShardID]time.Time)}
	arrived := map[storage.ShardID]bool{}
	look := func(ms int) { h.look(at(ms), func(s storage.ShardID) bool { return arrived[s] }) }
	for s := range storage.ShardID(3) {
		h.ask(s, at(0))
	}
	look(5)
	arrived[0] = true
	look(10)
	look(20)
	h.ask(1, at(500)) // again
	arrived[1] = true
	look(530)
	if h.handed != 2 || h.longest != 530*time.Millisecond || len(h.asked) != 1 {
		t.Errorf("%d were handed over, the longest in %s, %d are under way", h.handed, h.longest, len(h.asked))
	}
	arrived[2] = true
	look(600)
	if h.handed != 3 || h.longest != 600*time.Millisecond || len(h.asked) != 0 {
		t.Errorf("in the end %d were handed over, the longest in %s, %d are under way", h.handed, h.longest, len(h.asked))
	}
}
