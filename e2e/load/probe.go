package load

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// probeEvery is the time between two requests of a kind to a node about a partition; probeWithin is
// when a prober stops to wait for an answer.
const (
	probeEvery  = 100 * time.Millisecond
	probeWithin = 3 * time.Second
)

// Probe asks every node about every partition of a topic, as fast as a history for porcupine may
// grow, until the returned function is called: to append one record, what the end is, and to read
// up to there. Every node is asked as if it led, so that one that is cut off from the others, and
// leads no more or should not, is asked too. Requests are sent once.
func Probe(t testing.TB, c *cluster.Cluster, rec *history.Recorder, topic string, partitions int32) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	var done sync.WaitGroup
	run := runs.Add(1)
	for _, n := range c.Nodes {
		broker := n.Broker()
		for i := range partitions {
			p := prober{rec: rec, broker: broker, node: n.ID, where: history.Partition{Topic: topic, Index: i}, name: fmt.Sprintf("probe.%d.%d.%d", run, n.ID, i)}
			done.Go(func() { every(ctx, probeEvery, p.append) })
			done.Go(func() { every(ctx, probeEvery, p.read) })
		}
	}
	return func() { cancel(); done.Wait() }
}

// every calls f with its number, at most that often, until the context ends.
func every(ctx context.Context, d time.Duration, f func(ctx context.Context, i int)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		short, cancel := context.WithTimeout(ctx, probeWithin)
		f(short, i)
		cancel()
	}
}

// prober asks one node about one partition.
type prober struct {
	rec    *history.Recorder
	broker *kgo.Broker
	node   int32
	where  history.Partition
	name   string
}

// append sends one record as a batch of its own. Any answer but an offset leaves open what became
// of it.
func (p prober) append(ctx context.Context, i int) {
	value := fmt.Sprintf("%s-%d", p.name, i)
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition, part.Records = p.where.Index, batch.Build([]batch.Record{{Timestamp: time.Now().UnixMilli(), Value: []byte(value)}})
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.Partitions = p.where.Topic, append(topic.Partitions, part)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis, req.Topics = -1, int32(probeWithin.Milliseconds()), append(req.Topics, topic)
	id := p.rec.InvokeAt(p.node, p.name, p.where, value)
	resp, err := p.broker.Request(ctx, req)
	if err != nil {
		return
	}
	for _, t := range resp.(*kmsg.ProduceResponse).Topics {
		for _, got := range t.Partitions {
			if got.ErrorCode == 0 {
				p.rec.Return(id, history.Acked, got.BaseOffset)
			}
		}
	}
}

// read asks for the end of the partition, and then the same leader, if it still is one, for the
// records just below it.
func (p prober) read(ctx context.Context, _ int) {
	part := kmsg.NewListOffsetsRequestTopicPartition()
	part.Partition, part.Timestamp = p.where.Index, -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic, topic.Partitions = p.where.Topic, append(topic.Partitions, part)
	req := kmsg.NewPtrListOffsetsRequest()
	req.Topics = append(req.Topics, topic)
	invoked := time.Now()
	resp, err := p.broker.Request(ctx, req)
	if err != nil {
		return
	}
	for _, t := range resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, got := range t.Partitions {
			if got.ErrorCode == 0 {
				p.rec.Watermark(p.where, got.Offset, got.LeaderEpoch, invoked)
				p.fetch(ctx, got.LeaderEpoch, max(0, got.Offset-10))
			}
		}
	}
}

// fetch reads from the leader of that epoch: an answer tells the end of the partition as well.
func (p prober) fetch(ctx context.Context, epoch int32, from int64) {
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes, part.CurrentLeaderEpoch = p.where.Index, from, 1<<16, epoch
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.Partitions = p.where.Topic, append(topic.Partitions, part)
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.SessionEpoch, req.Topics = 1<<16, -1, append(req.Topics, topic)
	invoked := time.Now()
	resp, err := p.broker.Request(ctx, req)
	if err != nil {
		return
	}
	for _, t := range resp.(*kmsg.FetchResponse).Topics {
		for _, got := range t.Partitions {
			if got.ErrorCode != 0 {
				continue
			}
			p.rec.Watermark(p.where, got.HighWatermark, epoch, invoked)
			p.see(got.RecordBatches)
		}
	}
}

func (p prober) see(batches []byte) {
	for b, rest, ok := batch.Next(batches); ok; b, rest, ok = batch.Next(rest) {
		records, err := b.Records()
		if err != nil {
			// which nobody sent
			p.rec.See(p.where, b.BaseOffset(), fmt.Sprintf("an unreadable batch: %v", err))
			continue
		}
		for i, r := range records {
			p.rec.See(p.where, b.BaseOffset()+int64(i), string(r.Value))
		}
	}
}
