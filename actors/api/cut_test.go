package api

import (
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
)

func TestWhoReachesNoMajorityIsCutOff(t *testing.T) {
	o := operate(t, 3)
	for _, c := range []struct {
		down []metadata.NodeID
		want bool
	}{{nil, false}, {[]metadata.NodeID{2}, false}, {[]metadata.NodeID{2, 3}, true}} {
		o.down = c.down
		if got := cutOff(o, o.Image()); got != c.want {
			t.Errorf("without %v: %v, want %v", c.down, got, c.want)
		}
	}
}
