package node

import (
	"testing"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/raft/metadata"
)

func TestATopicsSettingIsItsOwnElseTheBrokers(t *testing.T) {
	own := &metadata.Topic{Name: "own", Configs: map[string]string{"max.message.bytes": "100", "retention.ms": "5"}}
	plain := &metadata.Topic{Name: "plain"}
	for _, c := range []struct {
		name    string
		static  map[string]string                     // of the node's configuration
		dynamic map[metadata.NodeID]map[string]string // by the cluster's metadata
		topic   *metadata.Topic
		setting string
		want    string
	}{
		{"Kafka's default", nil, nil, plain, "max.message.bytes", "1048588"},
		{"the node's configuration", map[string]string{"message.max.bytes": "2000"}, nil, plain, "max.message.bytes", "2000"},
		{"the cluster's default", map[string]string{"message.max.bytes": "2000"}, map[metadata.NodeID]map[string]string{metadata.DefaultNode: {"message.max.bytes": "3000"}}, plain, "max.message.bytes", "3000"},
		{"the node's own dynamic one", nil, map[metadata.NodeID]map[string]string{metadata.DefaultNode: {"message.max.bytes": "3000"}, 1: {"message.max.bytes": "4000"}}, plain, "max.message.bytes", "4000"},
		{"another node's dynamic one", nil, map[metadata.NodeID]map[string]string{2: {"message.max.bytes": "4000"}}, plain, "max.message.bytes", "1048588"},
		{"the topic's own", map[string]string{"message.max.bytes": "2000"}, nil, own, "max.message.bytes", "100"},
		{"retention in hours", map[string]string{"log.retention.hours": "2"}, nil, plain, "retention.ms", "7200000"},
		{"retention in ms goes before hours", map[string]string{"log.retention.hours": "2", "log.retention.ms": "9"}, nil, plain, "retention.ms", "9"},
		{"the topic's own retention", map[string]string{"log.retention.hours": "2"}, nil, own, "retention.ms", "5"},
	} {
		n := &Node{config: Config{ID: 1, Settings: c.static}, here: local.New(local.Options{ID: 1, Runtime: actors.Goroutines{}})}
		n.here.SetImage(&metadata.Image{NodeConfigs: c.dynamic})
		if got := n.TopicSetting(c.topic, c.setting); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
