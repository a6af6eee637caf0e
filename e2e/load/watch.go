package load

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
)

// Watch reads a topic along and asks for its high watermarks, until the returned function is
// called.
func Watch(t testing.TB, c *cluster.Cluster, rec *history.Recorder, topic string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	consumer := c.Client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	asker := kadm.NewClient(c.Client())
	var done sync.WaitGroup
	done.Go(func() { consume(ctx, consumer, rec) })
	done.Go(func() { ask(ctx, asker, rec, topic) })
	return func() { cancel(); done.Wait(); consumer.Close(); asker.Close() }
}

// consume goes on over errors: whether what was seen stays is for the check to say.
func consume(ctx context.Context, cl *kgo.Client, rec *history.Recorder) {
	for ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			s := see(r)
			rec.See(s.Partition, s.Offset, s.Value)
		})
	}
}

func ask(ctx context.Context, admin *kadm.Client, rec *history.Recorder, topic string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		invoked := time.Now()
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		ends, _ := admin.ListEndOffsets(short, topic) // what failed has an error of its own
		cancel()
		ends.Each(func(o kadm.ListedOffset) {
			if o.Err == nil {
				rec.Watermark(history.Partition{Topic: topic, Index: o.Partition}, o.Offset, o.LeaderEpoch, invoked)
			}
		})
	}
}
