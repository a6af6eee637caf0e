package load

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
)

// readWithin is how long a final log may take to read.
const readWithin = 2 * time.Minute

// ReadAll reads every record of a topic, each partition from its first offset to the end it has
// now.
func ReadAll(t testing.TB, c *cluster.Cluster, topic string) []history.Seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readWithin)
	defer cancel()
	starts := listed(t, topic, "start", func(ctx context.Context) (kadm.ListedOffsets, error) { return c.Admin().ListStartOffsets(ctx, topic) })
	ends := listed(t, topic, "end", func(ctx context.Context) (kadm.ListedOffsets, error) { return c.Admin().ListEndOffsets(ctx, topic) })
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	for p, end := range ends[topic] {
		start := starts[topic][p]
		if start.Offset < end.Offset {
			from[p], left[p] = kgo.NewOffset().At(start.Offset), end.Offset
		}
	}
	if len(left) == 0 {
		return nil
	}
	cl := c.Client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	defer cl.Close()
	return readTo(ctx, t, cl, topic, left)
}

// listed asks until all partitions have answered: some may be electing.
func listed(t testing.TB, topic, what string, list func(context.Context) (kadm.ListedOffsets, error)) (offsets kadm.ListedOffsets) {
	t.Helper()
	cluster.Eventually(t, readWithin, what+" of "+topic, func(ctx context.Context) (err error) {
		if offsets, err = list(ctx); err == nil {
			err = offsets.Error()
		}
		return err
	})
	return offsets
}

// readTo polls until every partition of ends was read up to there.
func readTo(ctx context.Context, t testing.TB, cl *kgo.Client, topic string, ends map[int32]int64) (seen []history.Seen) {
	t.Helper()
	for len(ends) > 0 {
		fetches := cl.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			t.Fatalf("read %s/%d: %v; %d records read, still to read up to %v", topic, e.Partition, e.Err, len(seen), ends)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset < ends[r.Partition] {
				seen = append(seen, see(r))
			}
			if r.Offset >= ends[r.Partition]-1 {
				delete(ends, r.Partition)
			}
		})
	}
	return seen
}

func see(r *kgo.Record) history.Seen {
	return history.Seen{
		Partition: history.Partition{Topic: r.Topic, Index: r.Partition},
		Offset:    r.Offset,
		Value:     strings.TrimRight(string(r.Value), " "), // without padding
		Epoch:     r.LeaderEpoch,
	}
}

// Check reads the final logs of the topics, which it returns, and fails the test with every broken
// promise.
func Check(t testing.TB, c *cluster.Cluster, rec *history.Recorder, topics ...string) (final []history.Seen) {
	t.Helper()
	for _, topic := range topics {
		final = append(final, ReadAll(t, c, topic)...)
	}
	h := rec.History()
	broken := history.Check(h, final)
	for i, v := range broken {
		if i == 20 {
			t.Errorf("and %d more", len(broken)-i)
			break
		}
		t.Error(v)
	}
	t.Logf("history: %d records sent, %d acknowledged, %d in the final log, %d seen on the way", len(h.Sends), h.Acked(), len(final), len(h.Seen))
	if len(h.Sends) > 0 && h.Acked() == 0 {
		t.Error(fmt.Errorf("of %d records none was acknowledged: nothing was tested", len(h.Sends)))
	}
	return final
}
