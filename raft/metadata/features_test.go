package metadata

import (
	"strings"
	"testing"
)

// upgradeable is a cluster of two: node 1 supports levels 1 to 3, node 2 1 to 2.
func upgradeable() *Machine {
	m := NewMachine()
	m.image = m.image.at(7)
	m.image.ClusterID = "c"
	m.image.Nodes = map[NodeID]*Node{
		1: {ID: 1, Version: "v3", Features: map[string]Levels{ClusterVersion: {Min: 1, Max: 3}}},
		2: {ID: 2, Version: "v2", Features: map[string]Levels{ClusterVersion: {Min: 1, Max: 2}}},
	}
	return m
}

func apply(t *testing.T, m *Machine, c Command) Result {
	t.Helper()
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Apply(m.Image().Index+1, 1, data)
	if err != nil {
		t.Fatal(err)
	}
	return r.(Result)
}

func TestFeaturesAreWhatEveryNodeSupports(t *testing.T) {
	m := upgradeable()
	set := func(says string, updates ...FeatureUpdate) {
		t.Helper()
		before := m.Image()
		r := apply(t, m, Command{UpdateFeatures: &UpdateFeatures{updates}})
		switch {
		case says == "" && r.Err != nil:
			t.Errorf("%+v: %v", updates, r.Err)
		case says != "" && (r.Err == nil || !strings.Contains(r.Err.Error(), says)):
			t.Errorf("%+v: %v, want an error that says %q", updates, r.Err, says)
		case says != "" && m.Image().Feature(ClusterVersion) != before.Feature(ClusterVersion):
			t.Errorf("%+v was refused and yet changed something", updates)
		}
	}
	set("node 2 (version v2) supports troupe.version from 1 to 2, not 3", FeatureUpdate{Name: ClusterVersion, Level: 3})
	set("there is no such feature", FeatureUpdate{Name: "nonsense", Level: 1})
	set("named twice", FeatureUpdate{Name: ClusterVersion, Level: 2}, FeatureUpdate{Name: ClusterVersion, Level: 1})
	set("", FeatureUpdate{Name: ClusterVersion, Level: 2})
	if at := m.Image().LevelsAt; at != m.Image().Index {
		t.Errorf("the levels are of entry %d, want %d", at, m.Image().Index)
	}
	set("must be asked for as a downgrade", FeatureUpdate{Name: ClusterVersion, Level: 1})
	set("supports troupe.version from 1", FeatureUpdate{Name: ClusterVersion, Level: 0, Downgrade: true})

	restored := NewMachine()
	if err := restored.Restore(m.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if restored.Image().Feature(ClusterVersion) != 2 || restored.Image().LevelsAt != m.Image().LevelsAt {
		t.Errorf("after a snapshot at %d of entry %d", restored.Image().Feature(ClusterVersion), restored.Image().LevelsAt)
	}
	set("", FeatureUpdate{Name: ClusterVersion, Level: 1, Downgrade: true})
}

func TestNodesThatDoNotUnderstandTheClusterAreRefused(t *testing.T) {
	m := upgradeable()
	apply(t, m, Command{UpdateFeatures: &UpdateFeatures{[]FeatureUpdate{{Name: ClusterVersion, Level: 2}}}})
	old := Node{ID: 3, Incarnation: 3, Version: "v1"}
	if r := apply(t, m, Command{RegisterNode: &RegisterNode{Node: old}}); r.Err == nil || !strings.Contains(r.Err.Error(), "works at troupe.version 2 and node 3 (version v1) supports 1 to 1") {
		t.Errorf("a node of an old build: %v", r.Err)
	}
	young := Node{ID: 3, Incarnation: 3, Version: "v9", Features: map[string]Levels{ClusterVersion: {Min: 3, Max: 9}}}
	if r := apply(t, m, Command{RegisterNode: &RegisterNode{Node: young}}); r.Err == nil {
		t.Error("a node that does not work at the cluster's level any more was registered")
	}
	young.Features[ClusterVersion] = Levels{Min: 2, Max: 9}
	if r := apply(t, m, Command{RegisterNode: &RegisterNode{Node: young}}); r.Err != nil {
		t.Error(r.Err)
	}
}

// A node that was registered by a newer build, and runs an older one now, does not apply what that
// cannot: it would come to other metadata than its peers. What it has stays as it was.
func TestABuildDoesNotGoBeyondItsLevels(t *testing.T) {
	most := Features[ClusterVersion].Max
	newer := func() *Machine {
		m := NewMachine()
		m.image = m.image.at(7)
		m.image.ClusterID = "c"
		m.image.Nodes = map[NodeID]*Node{1: {ID: 1, Features: map[string]Levels{ClusterVersion: {Min: 1, Max: 99}, "more": {Min: 1, Max: 1}}}}
		return m
	}
	for name, c := range map[string]Command{
		"a level":   {UpdateFeatures: &UpdateFeatures{[]FeatureUpdate{{Name: ClusterVersion, Level: most + 1}}}},
		"a feature": {UpdateFeatures: &UpdateFeatures{[]FeatureUpdate{{Name: "more", Level: 1}}}},
		"the level that the cluster begins at": {FormCluster: &FormCluster{
			ClusterID: "d", Founders: map[NodeID]uint64{1: 101}, Levels: map[string]int16{ClusterVersion: most + 1},
		}},
	} {
		m := newer()
		if c.FormCluster != nil {
			m.image.ClusterID = ""
		}
		before := m.Image()
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if r, err := m.Apply(8, 1, data); err == nil || !strings.Contains(err.Error(), "start this node with a build that supports") || m.Image() != before {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	m := newer()
	apply(t, m, Command{UpdateFeatures: &UpdateFeatures{[]FeatureUpdate{{Name: ClusterVersion, Level: most}}}})
	snapshot := m.Snapshot()
	m.image.Levels = map[string]int16{ClusterVersion: most + 1}
	beyond, fresh := m.Snapshot(), NewMachine()
	if err := fresh.Restore(snapshot); err != nil {
		t.Error(err)
	}
	if before := fresh.Image(); fresh.Restore(beyond) == nil || fresh.Image() != before {
		t.Error("a snapshot of a newer level is taken")
	}
}

// An update that no node supports is refused, and not the end of those that do not know it.
func TestAnUnknownFeatureIsRefused(t *testing.T) {
	m := upgradeable()
	if r := apply(t, m, Command{UpdateFeatures: &UpdateFeatures{[]FeatureUpdate{{Name: "more", Level: 1}}}}); r.Err == nil {
		t.Error("it is carried out")
	}
}
