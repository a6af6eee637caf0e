package metadata

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

var update = flag.Bool("update", false, "write the golden files anew: only for what was added")

// samples are commands of every kind with every field set.
func samples() map[string]Command {
	value, topic, node := "1000", TopicID{1, 2}, NodeID(2)
	return map[string]Command{
		"FormCluster": {FormCluster: &FormCluster{ClusterID: "id", Founders: map[NodeID]uint64{1: 100, 2: 200}, Levels: map[string]int16{ClusterVersion: 2}}},
		"RegisterNode": {RegisterNode: &RegisterNode{Node{ID: 1, Incarnation: 1 << 63, Rack: "r", Listeners: []Listener{{Name: "PLAINTEXT", Host: "h", Port: 9092}},
			Control: "h:9093", Bulk: "h:9095", Version: "v1", Features: map[string]Levels{ClusterVersion: {Min: 1, Max: 2}}, State: Maintenance}}},
		"CreateTopic":         {CreateTopic: &CreateTopic{Name: "t", ID: topic, Internal: true, Placement: [][]NodeID{{1, 2}, {2, 1}}, Wanted: 3, Configs: map[string]string{"retention.ms": "1"}}},
		"DeleteTopic":         {DeleteTopic: &DeleteTopic{topic}},
		"CreatePartitions":    {CreatePartitions: &CreatePartitions{ID: topic, From: 2, Placement: [][]NodeID{{1}}, Wanted: 3}},
		"AlterConfigs":        {AlterConfigs: &AlterConfigs{Topic: &topic, Set: map[string]*string{"retention.ms": &value, "gone": nil}, Replace: true}},
		"AlterNodeConfigs":    {AlterConfigs: &AlterConfigs{Node: &node, Set: map[string]*string{"x": &value}}},
		"AllocateProducerIDs": {AllocateProducerIDs: &AllocateProducerIDs{Count: 1000}},
		"Skip":                Skip(),
		"AlterReplicas":       {AlterReplicas: &AlterReplicas{Shard: 300, Seen: []storage.ReplicaID{1 << 32}, Targets: []Target{{1, Voter}, {2, Reader}}, Wanted: 1}},
		"SettleMembers":       {SettleMembers: &SettleMembers{[]Settled{{Shard: 300, Version: 4, Index: 5, Voters: []storage.ReplicaID{1}, Learners: []storage.ReplicaID{2}}}}},
		"ReplaceReplica":      {ReplaceReplica: &ReplaceReplica{300, 7}},
		"RestNode":            {RestNode: &RestNode{1, true}},
		"DrainNode":           {DrainNode: &DrainNode{1, true}},
		"ReplaceNode":         {ReplaceNode: &ReplaceNode{1, 100}},
		"RemoveNode":          {RemoveNode: &RemoveNode{1}},
		"UpdateFeatures":      {UpdateFeatures: &UpdateFeatures{[]FeatureUpdate{{ClusterVersion, 2, true}}}},
		"RecordRecovery":      {RecordRecovery: &RecordRecovery{Recovery{At: 1, Lost: []NodeID{2}, Shards: []RecoveredShard{{Shard: 300, Name: "t-0", Node: 1, HighWatermark: 9}}, Gone: []string{"u-0"}}}},
	}
}

// golden compares bytes with those that a build wrote before. A difference means that a log or a
// snapshot of that build is not read any more, or that it does not read what this one writes.
func golden(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf("%s: written as\n%s\nwas\n%s", name, b, want)
	}
	return want
}

// Commands are written as they were, and read as they were written.
func TestGoldenCommands(t *testing.T) {
	kinds := map[change]bool{}
	for _, name := range slices.Sorted(maps.Keys(samples())) {
		c := samples()[name]
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		kinds[c.kind()] = true
		decoded, err := Decode(golden(t, name, data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		decoded.raw = nil
		if again, err := decoded.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: read and written again as %s (%v)", name, again, err)
		}
	}
}

// What the first builds wrote is read; the files were written by one of them.
func TestWhatTheFirstBuildsWroteIsRead(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "first", "*"))
	if err != nil || len(files) < 15 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(path) == "snapshot" {
			m := NewMachine()
			if err := m.Restore(b); err != nil || !bytes.Equal(m.Snapshot(), b) {
				t.Errorf("snapshot: %v, written again as\n%s\nwas\n%s", err, m.Snapshot(), b)
			}
			continue
		}
		c, err := Decode(b)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		c.raw = nil
		if again, err := c.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: written again as\n%s\nwas\n%s (%v)", path, again, b, err)
		}
	}
}

// An image is written as it was.
func TestGoldenSnapshot(t *testing.T) {
	b := golden(t, "snapshot", furnished(t).m.Snapshot())
	m := NewMachine()
	if err := m.Restore(b); err != nil || !bytes.Equal(m.Snapshot(), b) {
		t.Errorf("%v, written again as %s", err, m.Snapshot())
	}
}
