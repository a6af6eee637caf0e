//go:build !race

package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/partition"
)

// A topic cannot be promised larger batches than the store takes, and one batch of the largest size
// goes through.
func TestTheLargestBatch(t *testing.T) {
	c := newCluster(t, map[string]string{"max.message.bytes": "33554408"})
	for _, size := range []string{"33554409", "100000000", "2147483647"} {
		if got := c.alter("max.message.bytes", size); got != kerr.InvalidConfig {
			t.Errorf("max.message.bytes of %s: %v", size, got)
		}
	}
	one := len(batch.Build([]batch.Record{{Value: make([]byte, 1<<24)}})) - 1<<24
	b := batch.Build([]batch.Record{{Timestamp: 1, Value: make([]byte, partition.MaxBatchBytes-one)}})
	if len(b) != partition.MaxBatchBytes {
		t.Fatalf("%d bytes", len(b))
	}
	if got := c.produce(9, -1, b); got.ErrorCode != 0 {
		t.Fatalf("the largest batch: %+v", got)
	}
	larger := batch.Build([]batch.Record{{Timestamp: 1, Value: make([]byte, partition.MaxBatchBytes-one+1)}})
	if got := c.produce(9, -1, larger); got.ErrorCode != kerr.MessageTooLarge.Code {
		t.Fatalf("a larger one: %+v", got)
	}
	if got := c.produce(9, -1, batch.Build(values(1))); got.ErrorCode != 0 || got.BaseOffset != 1 {
		t.Fatalf("after them: %+v", got)
	}
}

// alter sets a setting of the topic.
func (c *cluster) alter(name, value string) *kerr.Error {
	c.Helper()
	r, resource, config := kmsg.NewPtrIncrementalAlterConfigsRequest(), kmsg.NewIncrementalAlterConfigsRequestResource(), kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	r.Version = 1
	config.Name, config.Value = name, &value
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, c.topic
	resource.Configs = append(resource.Configs, config)
	r.Resources = append(r.Resources, resource)
	return kerr.TypedErrorForCode(ask[*kmsg.IncrementalAlterConfigsResponse](c, r).Resources[0].ErrorCode)
}

// A setting that would make an entry larger than the store takes is refused, and the node goes on.
func TestAChangeTooLargeForTheMetadataIsRefused(t *testing.T) {
	c := newCluster(t, nil)
	// six bytes each as JSON
	if got := c.alter("follower.replication.throttled.replicas", strings.Repeat("\x01", 7<<20)); got != kerr.InvalidConfig {
		t.Errorf("7 MiB of a setting: %v", got)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.ProduceSync(ctx, &kgo.Record{Topic: c.topic, Value: []byte("after")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
