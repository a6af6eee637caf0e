package node

import (
	"encoding/json"
	"maps"
	"testing"

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
