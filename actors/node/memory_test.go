package node

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/raft/metadata"
)

func TestCachesShareTheMemory(t *testing.T) {
	n := &Node{config: Config{Memory: 1 << 30}}
	for _, c := range []struct {
		replicas int64
		want     int
	}{
		{0, mostCache}, {16, mostCache}, {64, mostCache}, {1000, 1 << 27 / 1000}, {100_000, leastCache},
	} {
		if got := n.cacheBytes(c.replicas); got != c.want {
			t.Errorf("%d replicas keep %d bytes each, want %d", c.replicas, got, c.want)
		}
	}
	if got := (&Node{}).cacheBytes(1); got != mostCache {
		t.Errorf("without a budget a replica keeps %d bytes", got)
	}
}

// backlog is a journal for which so many bytes wait.
type backlog struct {
	Journal
	bytes int64
}

func (b *backlog) Unwritten() int64 { return b.bytes }

func TestANodeIsCrowdedByWhatWaitsForItsDisk(t *testing.T) {
	waits := &backlog{}
	n := &Node{config: Config{Memory: 1 << 30}, journal: waits}
	for _, c := range []struct {
		waits int64
		want  bool
	}{{0, false}, {1 << 27, false}, {1<<27 + 1, true}} {
		if waits.bytes = c.waits; n.crowded() != c.want {
			t.Errorf("with %d bytes it is crowded: %t", c.waits, !c.want)
		}
	}
	if n.config.Memory = 0; n.crowded() {
		t.Error("without a budget it is crowded")
	}
	entries := &raftpb.Message{Type: raftpb.MsgApp.Enum(), Entries: []*raftpb.Entry{{}}}
	if upkeep.Bulky(metadata.MetaShard, entries) || !upkeep.Bulky(metadata.MetaShard+1, entries) || upkeep.Bulky(metadata.MetaShard+1, &raftpb.Message{Type: raftpb.MsgApp.Enum()}) {
		t.Error("of a crowded node's messages only entries of partitions are dropped")
	}
}

func TestLinksTakeLittleOfALittleMemory(t *testing.T) {
	for memory, want := range map[int64]int{0: 0, 256 << 20: 16 << 20, 8 << 30: mostWindow} {
		if got := (&Node{config: Config{Memory: memory}}).windowBytes(); got != want {
			t.Errorf("of %d bytes of memory a link takes %d, want %d", memory, got, want)
		}
	}
}
