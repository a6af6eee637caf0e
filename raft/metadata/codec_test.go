package metadata

import (
	"strings"
	"testing"
)

// What a newer build wrote into the metadata is refused by one that does not know it, and says what
// to do; nothing of it is applied.
func TestWhatANewerBuildWroteIsRefused(t *testing.T) {
	h := newHouse(t, 3)
	before := string(h.m.Snapshot())
	next := h.m.Image().Index + 1
	for what, data := range map[string][]byte{
		"a newer form of commands": append([]byte{commandVersion + 1}, `{"RegisterNode":{}}`...),
		"a new command":            append([]byte{commandVersion}, `{"MoveTheMoon":{"To":1}}`...),
		"nothing":                  {},
	} {
		if _, err := h.m.Apply(next, 1, data); err == nil || !strings.Contains(err.Error(), "upgrade this node") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := h.m.Restore(append([]byte{snapshotVersion + 1}, before[1:]...)); err == nil || !strings.Contains(err.Error(), "upgrade this node") {
		t.Errorf("a newer snapshot: %v", err)
	}
	if after := string(h.m.Snapshot()); after != before {
		t.Errorf("the metadata changed from %s to %s", before, after)
	}
}
