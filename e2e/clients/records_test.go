//go:build clients

package clients

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// record is one that was sent (without partition and offset) or received.
type record struct {
	partition  int32
	offset     int64
	key, value string
	codec      string // of the batch, where it is known
}

// makeRecords numbers n records. Values are long enough, and dull enough, that no client finds its
// batch smaller uncompressed.
func makeRecords(codec string, n int) (records []record) {
	for i := range n {
		value := fmt.Sprintf("%s-%04d-%s", codec, i, strings.Repeat("abcd", 20))
		records = append(records, record{key: fmt.Sprintf("%s-key-%d", codec, i), value: value, codec: codec})
	}
	return records
}

// lines are the records as clients read them.
func lines(records []record) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%s\t%s\n", r.key, r.value)
	}
	return b.String()
}

// wantLog reads the topic with a client of ours: it must hold exactly what was sent, in order per
// partition, from offset 0 on without a hole, compressed as asked.
func wantLog(t *testing.T, c *cluster.Cluster, topic string, sent []record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	cl := c.Client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	var all int64
	for p := range int32(partitions) {
		all += c.End(topic, p)
	}
	var got []record
	for int64(len(got)) < all {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%s holds %d records, %d read: %v", topic, all, len(got), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			got = append(got, record{r.Partition, r.Offset, string(r.Key), string(r.Value), allCodecs[r.Attrs.CompressionType()]})
		})
	}
	wantExactly(t, "the log of "+topic, got, sent)
	codecs := map[string]string{}
	for _, r := range sent {
		codecs[r.key] = r.codec
	}
	for _, r := range got {
		if want := codecs[r.key]; r.codec != want {
			t.Fatalf("%s/%d: offset %d is compressed with %s, want %s", topic, r.partition, r.offset, r.codec, want)
		}
	}
}

// wantReceived wants the members together to have received what was sent, each partition by one of
// them alone, and each of them something.
func wantReceived(t *testing.T, members []*member, sent []record) {
	t.Helper()
	owner := map[int32]*member{}
	var all []record
	for _, m := range members {
		got := m.records()
		if len(got) == 0 {
			t.Errorf("a member received nothing: %s", m)
		}
		for _, r := range got {
			if o := owner[r.partition]; o != nil && o != m {
				t.Fatalf("both members received records of partition %d", r.partition)
			}
			owner[r.partition] = m
		}
		all = append(all, got...)
	}
	wantExactly(t, "what the group received", all, sent)
}

// wantExactly compares as a set, and in order per partition: offsets rise by one from 0, and
// records follow each other as they were sent.
func wantExactly(t *testing.T, what string, got, sent []record) {
	t.Helper()
	position := map[string]int{}
	for i, r := range sent {
		position[r.key+"\t"+r.value] = i
	}
	next, last := map[int32]int64{}, map[int32]int{}
	seen := make([]bool, len(sent))
	for _, r := range got {
		i, ok := position[r.key+"\t"+r.value]
		switch {
		case !ok:
			t.Fatalf("%s: %s was never sent", what, r)
		case seen[i]:
			t.Fatalf("%s: %s is there twice", what, r)
		case r.offset != next[r.partition]:
			t.Fatalf("%s: %s, want offset %d", what, r, next[r.partition])
		case r.offset > 0 && i < last[r.partition]:
			t.Fatalf("%s: %s was sent before the record in front of it, %s", what, r, sent[last[r.partition]])
		}
		seen[i], last[r.partition] = true, i
		next[r.partition]++
	}
	if i := slices.Index(seen, false); i >= 0 {
		t.Fatalf("%s: %d of %d records; the first that is missing is %s", what, len(got), len(sent), sent[i])
	}
	if len(next) != partitions {
		t.Errorf("%s: the records went to %d partitions, want %d", what, len(next), partitions)
	}
}

func (r record) String() string {
	return fmt.Sprintf("partition %d offset %d key %q value %.24q", r.partition, r.offset, r.key, r.value)
}
