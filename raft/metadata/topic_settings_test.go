package metadata

import "testing"

// resolving returns the machine of node 1 with topics "own", which has a setting, and "plain".
func resolving(t *testing.T, static map[string]string) (m *Machine, do func(Command)) {
	t.Helper()
	m = NewMachineOn(Local{Node: 1, Static: static})
	do = func(c Command) {
		t.Helper()
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if r, err := m.Apply(m.Image().Index+1, 1, data); err != nil || r.(Result).Err != nil {
			t.Fatal(err, r)
		}
	}
	do(Command{FormCluster: &FormCluster{ClusterID: "c", Founders: map[NodeID]uint64{1: 1, 2: 2}}})
	for id := range NodeID(2) {
		do(Command{RegisterNode: &RegisterNode{Node: Node{ID: id + 1, Incarnation: uint64(id) + 1}}})
	}
	do(Command{CreateTopic: &CreateTopic{Name: "plain", ID: TopicID{1}, Placement: [][]NodeID{{1}}}})
	do(Command{CreateTopic: &CreateTopic{Name: "own", ID: TopicID{2}, Placement: [][]NodeID{{1}}, Configs: map[string]string{"max.message.bytes": "100"}}})
	return m, do
}

// configure sets one setting of a node, or of a topic if that is named.
func configure(node NodeID, topic *TopicID, name, value string) Command {
	c := &AlterConfigs{Topic: topic, Set: map[string]*string{name: &value}}
	if topic == nil {
		c.Node = &node
	}
	return Command{AlterConfigs: c}
}

func TestSettingsFollowWhatIsSet(t *testing.T) {
	m, do := resolving(t, map[string]string{"message.max.bytes": "2000", "log.retention.hours": "2"})
	limits := func(what string, plain, own int) {
		t.Helper()
		for name, want := range map[string]int{"plain": plain, "own": own} {
			if got := m.Image().Topics[name].Settings().MaxMessageBytes; got != want {
				t.Errorf("%s: max.message.bytes of %s is %d, want %d", what, name, got, want)
			}
		}
	}
	limits("what the node was started with", 2000, 100)
	if got := m.Image().Topics["own"].Settings().Policy.RetentionMS; got != 7_200_000 {
		t.Errorf("retention.ms is %d by log.retention.hours=2", got)
	}
	do(configure(DefaultNode, nil, "message.max.bytes", "3000"))
	limits("the cluster's default", 3000, 100)
	before := m.Image()
	do(configure(2, nil, "message.max.bytes", "5000"))
	limits("another node's", 3000, 100)
	if m.Image().Topics["plain"] != before.Topics["plain"] {
		t.Error("what is set for another node changes topics here")
	}
	do(configure(1, nil, "message.max.bytes", "4000"))
	limits("the node's own", 4000, 100)
	if m.Image().Topics["own"] != before.Topics["own"] {
		t.Error("a topic of which nothing changed is another one")
	}
	if before.Topics["plain"].Settings().MaxMessageBytes != 3000 {
		t.Error("an image that readers hold has changed")
	}
	do(configure(0, &TopicID{2}, "max.message.bytes", "200"))
	limits("the topic's", 4000, 200)
	do(configure(1, nil, "replica.selector.class", ""))
	if m.Image().Broker().RackAware {
		t.Error("the node's settings do not follow what is set for it")
	}
	again := NewMachineOn(m.image.local)
	if err := again.Restore(m.Snapshot()); err != nil || !again.Image().Same(m.Image()) {
		t.Errorf("a snapshot restores other settings (%v)", err)
	}
}

// A topic that is moved keeps its settings, and they are not worked out again.
func TestSettingsOutliveOtherChanges(t *testing.T) {
	m, do := resolving(t, nil)
	before := m.Image().Topics["own"]
	do(Command{CreatePartitions: &CreatePartitions{ID: TopicID{2}, From: 1, Placement: [][]NodeID{{2}}}})
	if after := m.Image().Topics["own"]; after == before || after.Settings() != before.Settings() {
		t.Error("more partitions give a topic other settings")
	}
}

// What is read from the values is what they say.
func TestSettingsAreRead(t *testing.T) {
	got := *(&Topic{Configs: map[string]string{
		"compression.type": "zstd", "message.timestamp.type": "LogAppendTime", "min.insync.replicas": "2", "cleanup.policy": "compact,delete",
		"message.timestamp.before.max.ms": "5", "message.timestamp.after.max.ms": " 6", "max.message.bytes": "2147483647",
	}}).Settings()
	want := TopicSettings{MaxMessageBytes: 33_554_408, MinInSync: 2, AppendTime: true, BeforeMS: 5, AfterMS: 6, Codec: 4}
	if want.Policy = got.Policy; got != want || !got.Policy.Compact || !got.Policy.Delete {
		t.Errorf("%+v, want %+v", got, want)
	}
	if plain := (&Topic{}).Settings(); plain.Codec != -1 || plain.AppendTime || plain.MaxMessageBytes != 1_048_588 {
		t.Errorf("by default: %+v", plain)
	}
}
