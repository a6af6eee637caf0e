package node

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// A cluster begins at levels that every founder's build supports: one that does not would apply the
// metadata's commands in another way than the others, and could not register.
func TestAClusterBeginsAtWhatAllFoundersSupport(t *testing.T) {
	// as they are told by one of the first builds, this one, and the next one
	var first, same, next hello
	for said, h := range map[string]*hello{
		`{"Node":2,"Incarnation":102,"Peers":"1,2,3"}`:                                                   &first,
		`{"Node":2,"Incarnation":102,"Features":{"troupe.version":{"Min":1,"Max":99},"more":{"Min":1}}}`: &next,
	} {
		if err := json.Unmarshal([]byte(said), h); err != nil {
			t.Fatal(err)
		}
	}
	body, err := json.Marshal(hello{Node: 2, Features: metadata.Features})
	if err != nil || json.Unmarshal(body, &same) != nil {
		t.Fatal(err)
	}
	newest := metadata.Newest()
	if len(newest) == 0 {
		t.Fatal("this build has no level to begin at")
	}
	for name, c := range map[string]struct {
		two, three *hello
		want       map[string]int16
	}{
		"all of this build":                 {&same, &same, newest},
		"one of the next":                   {&same, &next, newest},
		"one of the first":                  {&same, &first, nil},
		"two of the first":                  {&first, &first, nil},
		"one of the first, one of the next": {&first, &next, nil},
		"one that did not tell":             {&same, nil, nil},
	} {
		told := map[metadata.NodeID]hello{}
		for id, h := range map[metadata.NodeID]*hello{2: c.two, 3: c.three} {
			if h != nil {
				told[id] = *h
			}
		}
		if got := beginAt([]metadata.NodeID{2, 3}, told); !maps.Equal(got, c.want) {
			t.Errorf("%s: begins at %v, want %v", name, got, c.want)
		}
	}
	if got := beginAt(nil, nil); !maps.Equal(got, newest) {
		t.Errorf("a cluster of one begins at %v, want %v", got, newest)
	}
}

// A founder that died before it registered is waited for a while and not for ever, and the log says
// which it is.
func TestAFounderThatNeverRegisters(t *testing.T) {
	var log strings.Builder
	n := &Node{here: local.New(local.Options{ID: 1, Runtime: actors.Goroutines{}, Log: slog.New(slog.NewTextHandler(&log, nil))})}
	image := *n.here.Image()
	image.ClusterID, image.Nodes = "c", map[metadata.NodeID]*metadata.Node{1: {ID: 1}, 2: {ID: 2}}
	image.Meta = &metadata.Partition{}
	for id := range metadata.NodeID(3) {
		image.Meta.Replicas = append(image.Meta.Replicas, metadata.Replica{Node: id + 1, Founding: true})
	}
	n.here.SetImage(&image)
	n.serving = n.here.Now().Add(-formedWithin / 2)
	short, cancel := context.WithCancel(context.Background())
	cancel()
	for range 3 {
		if err := n.AwaitFormed(short); err == nil || !strings.Contains(err.Error(), "[3]") {
			t.Errorf("half of the time is over: %v", err)
		}
	}
	if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "topics wait") || !strings.Contains(said, "nodes=[3]") {
		t.Errorf("the log says %q", said)
	}
	log.Reset()
	n.serving = n.here.Now().Add(-formedWithin)
	for range 3 {
		if err := n.AwaitFormed(short); err != nil {
			t.Errorf("the time is over: %v", err)
		}
	}
	if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "created without") || !strings.Contains(said, "nodes=[3]") {
		t.Errorf("the log says %q", said)
	}
}

// What is waited for is told every few seconds.
func TestReminders(t *testing.T) {
	r, now := reminder{}, time.Unix(1000, 0)
	for _, c := range []struct {
		after   time.Duration
		givenUp bool
		due     bool
	}{{0, false, true}, {waitReport - 1, false, false}, {waitReport, false, true}, {waitReport, true, true}, {2 * waitReport, true, false}, {9 * waitReport, false, false}} {
		if due := r.due(now.Add(c.after), c.givenUp); due != c.due {
			t.Errorf("after %v, given up %v: %v", c.after, c.givenUp, due)
		}
	}
}
