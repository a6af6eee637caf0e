package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// often makes a cluster look for what is to be deleted and to be cleaned many times a second.
func often(more ...cluster.Option) []cluster.Option {
	return append(more, cluster.Set("log.retention.check.interval.ms", "200"), cluster.Set("log.cleaner.backoff.ms", "200"))
}

// createWith creates a topic of one partition on three nodes with settings.
func createWith(t *testing.T, c *cluster.Cluster, topic string, settings map[string]string) {
	t.Helper()
	configs := make(map[string]*string)
	for name, value := range settings {
		configs[name] = &value
	}
	created, err := c.Admin().CreateTopic(within(t, 20*time.Second), 1, 3, configs, topic)
	if err == nil {
		err = created.Err
	}
	if err != nil {
		t.Fatalf("create %s: %v", topic, err)
	}
	c.WaitInSync(topic)
}

// alter changes settings of a topic.
func alter(t *testing.T, c *cluster.Cluster, topic string, settings map[string]string) {
	t.Helper()
	var all []kadm.AlterConfig
	for name, value := range settings {
		all = append(all, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	altered, err := c.Admin().AlterTopicConfigs(within(t, 10*time.Second), all, topic)
	if err == nil {
		err = altered[0].Err
	}
	if err != nil {
		t.Fatalf("alter %s: %v", topic, err)
	}
}

// earliest is where ListOffsets says that a log starts.
func earliest(ctx context.Context, c *cluster.Cluster, topic string) (int64, error) {
	l, err := c.Admin().ListStartOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	at, _ := l.Lookup(topic, 0)
	return at.Offset, at.Err
}

// waitEarliest waits until a log starts where ok says.
func waitEarliest(t *testing.T, c *cluster.Cluster, topic, what string, ok func(int64) bool) (start int64) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, what, func(ctx context.Context) (err error) {
		if start, err = earliest(ctx, c, topic); err == nil && !ok(start) {
			err = fmt.Errorf("%s starts at %d", topic, start)
		}
		return err
	})
	return start
}

// What retention.bytes and retention.ms delete is gone on every replica, reads of it are out of
// range, and what they promise to keep is there.
func TestRetention(t *testing.T) {
	c := cluster.Start(t, 3, often()...)
	onlyTroupe(t, c) // Kafka deletes whole segments only
	const size, keep = 16 << 10, 1 << 20
	createWith(t, c, "bytes", map[string]string{"retention.bytes": strconv.Itoa(keep)})
	cl := c.Client(manual(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for range 300 {
		produce(t, cl, &kgo.Record{Topic: "bytes", Value: make([]byte, size)})
	}
	start := waitEarliest(t, c, "bytes", "old records go", func(at int64) bool { return at > 150 })
	if kept := (300 - start) * size; kept < keep-size {
		t.Fatalf("%d bytes are kept, at least %d must be", kept, keep)
	}
	leader := c.Leader("bytes", 0)
	for _, at := range []int64{0, start - 1} {
		if _, err := leader.Fetch(within(t, 5*time.Second), "bytes", 0, at); !errors.Is(err, kerr.OffsetOutOfRange) {
			t.Fatalf("a fetch at %d, the log starts at %d: %v", at, start, err)
		}
	}
	got := readSimply(t, c, "bytes")
	if int64(len(got)) != 300-start || got[0].Offset != start {
		t.Fatalf("%d records from %d on, want them from %d on", len(got), got[0].Offset, start)
	}
	c.WaitReplicas("bytes", 0, 300)

	// By time, with the leader killed in between and the setting changed while the topic lives.
	createWith(t, c, "time", map[string]string{"retention.ms": "-1"})
	now := time.Now()
	for i := range 20 {
		produce(t, cl, &kgo.Record{Topic: "time", Timestamp: now.Add(-time.Hour), Value: []byte(strconv.Itoa(i))})
	}
	cluster.Holds(t, time.Second, "nothing is deleted", func(ctx context.Context) error {
		if at, err := earliest(ctx, c, "time"); err != nil || at != 0 {
			return fmt.Errorf("the log starts at %d (%v)", at, err)
		}
		return nil
	})
	killed := c.Leader("time", 0)
	killed.Kill()
	c.WaitLeaders("time")
	alter(t, c, "time", map[string]string{"retention.ms": "60000"})
	waitEarliest(t, c, "time", "all of it is too old", func(at int64) bool { return at == 20 })
	produce(t, cl, &kgo.Record{Topic: "time", Value: []byte("young")})
	killed.Restart()
	if got := readSimply(t, c, "time"); len(got) != 1 || got[0].Offset != 20 {
		t.Fatalf("%d records are left", len(got))
	}
}

// readSimply reads a topic of one partition from its start to its end, where offsets may be
// missing.
func readSimply(t *testing.T, c *cluster.Cluster, topic string) (all []*kgo.Record) {
	t.Helper()
	end := c.End(topic, 0)
	ctx := within(t, 30*time.Second)
	start, err := earliest(ctx, c, topic)
	if err != nil {
		t.Fatal(err)
	}
	if start == end {
		return nil
	}
	cl := c.Client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(start)}}))
	defer cl.Close()
	for len(all) == 0 || all[len(all)-1].Offset < end-1 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("read %s after %d records: %v", topic, len(all), err)
		}
		fetches.EachRecord(func(r *kgo.Record) { all = append(all, r) })
	}
	return all
}

// keyed is what was acknowledged of a compacted topic: by key the last value and where it is, and
// every record by offset.
type keyed struct {
	last    map[string]int64
	records map[int64]*kgo.Record
}

func (k *keyed) add(r *kgo.Record) {
	if k.last == nil {
		k.last, k.records = map[string]int64{}, map[int64]*kgo.Record{}
	}
	k.records[r.Offset] = r
	k.last[string(r.Key)] = max(k.last[string(r.Key)], r.Offset)
}

// check holds what is read against what was acknowledged. values is how many keys must have exactly
// one record: their last.
func (k *keyed) check(got []*kgo.Record) error {
	last := int64(-1)
	found := map[string]int64{}
	for _, r := range got {
		want := k.records[r.Offset]
		switch {
		case r.Offset <= last:
			return fmt.Errorf("offset %d comes after %d", r.Offset, last)
		case want == nil:
			return fmt.Errorf("offset %d holds key %s, and was never acknowledged", r.Offset, r.Key)
		case string(want.Key) != string(r.Key) || string(want.Value) != string(r.Value) || (want.Value == nil) != (r.Value == nil):
			return fmt.Errorf("offset %d holds %s=%.20s, acknowledged was %s=%.20s", r.Offset, r.Key, r.Value, want.Key, want.Value)
		}
		last, found[string(r.Key)] = r.Offset, r.Offset
	}
	for key, at := range k.last {
		if found[key] != at && (k.records[at].Value != nil || found[key] != 0) {
			return fmt.Errorf("the last record of key %s is at %d, the last one read at %d", key, at, found[key])
		}
	}
	return nil
}

// A compacted topic under load, with leaders killed: who reads it from the start sees the last
// value of every key, at its offset, in order; what it does not see is old; tombstones go when
// their time has come; all replicas hold the same bytes.
func TestCompaction(t *testing.T) {
	c := cluster.Start(t, 3, often()...)
	onlyTroupe(t, c) // Kafka's cleaner needs longer
	createWith(t, c, "table", map[string]string{
		"cleanup.policy": "compact", "segment.bytes": "65536", "min.cleanable.dirty.ratio": "0.3", "delete.retention.ms": "2000",
	})
	var codecs []*kgo.Client
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		codecs = append(codecs, c.Client(manual(), kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(time.Millisecond)))
	}
	var all keyed
	rng := rand.New(rand.NewSource(1))
	var killed *cluster.Node
	for round := range 60 {
		var records []*kgo.Record
		for range 50 {
			r := &kgo.Record{Topic: "table", Key: fmt.Append(nil, "key ", rng.Intn(100)), Value: make([]byte, 400)}
			rng.Read(r.Value)
			if rng.Intn(20) == 0 {
				r.Value = nil
			}
			records = append(records, r)
		}
		if err := codecs[round%5].ProduceSync(within(t, 30*time.Second), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			all.add(r)
		}
		if round%20 == 19 {
			if killed != nil {
				killed.Restart()
			}
			killed = c.Leader("table", 0)
			killed.Kill()
			c.WaitLeaders("table")
		}
	}
	killed.Restart()
	dead := []string{}
	for key := range maps.Clone(all.last) { // every tenth key ends with a tombstone
		if key[len(key)-1] == '7' {
			dead = append(dead, key)
			r := &kgo.Record{Topic: "table", Key: []byte(key)}
			produce(t, codecs[0], r)
			all.add(r)
		}
	}
	small := func(limit int, what string, ok func([]*kgo.Record) error) {
		t.Helper()
		cluster.Eventually(t, 30*time.Second, what, func(context.Context) error {
			// brings the end of the log forward
			r := &kgo.Record{Topic: "table", Key: []byte("filler"), Value: make([]byte, 8<<10)}
			produce(t, codecs[0], r)
			all.add(r)
			got := readSimply(t, c, "table")
			if err := all.check(got); err != nil {
				t.Fatal(err)
			}
			if len(got) > limit {
				return fmt.Errorf("%d records are left of %d", len(got), len(all.records))
			}
			return ok(got)
		})
	}
	small(400, "old values go, tombstones of dead keys too", func(got []*kgo.Record) error {
		for _, r := range got {
			if r.Value == nil && r.Offset < all.last["filler"]-20 {
				return fmt.Errorf("the tombstone of %s at %d is still there", r.Key, r.Offset)
			}
		}
		return nil
	})
	unkeyed := &kgo.Record{Topic: "table", Value: []byte("without a key")}
	if err := codecs[0].ProduceSync(within(t, 10*time.Second), unkeyed).FirstErr(); !errors.Is(err, kerr.InvalidRecord) {
		t.Fatalf("a record without a key: %v", err)
	}
	if len(dead) == 0 {
		t.Fatal("the test is wrong: no key was deleted")
	}
}

// The offsets that a group committed are right after __consumer_offsets was compacted and another
// node coordinates.
func TestCommittedOffsetsSurviveCompaction(t *testing.T) {
	c := cluster.Start(t, 3, often(cluster.Set("log.segment.bytes", "2000"), cluster.Set("log.cleaner.min.cleanable.ratio", "0.01"), cluster.Set("offsets.topic.num.partitions", "1"))...)
	onlyTroupe(t, c)
	c.CreateTopic("t", 10, 3)
	want := map[int32]int64{}
	commit := func(n int) {
		t.Helper()
		for range n {
			var offsets kadm.Offsets
			for p := range int32(10) {
				want[p] += int64(p) + 1
				offsets.AddOffset("t", p, want[p], -1)
			}
			if _, err := c.Admin().CommitOffsets(within(t, 20*time.Second), "g", offsets); err != nil {
				t.Fatal(err)
			}
		}
	}
	commit(100)
	cluster.Eventually(t, 30*time.Second, "__consumer_offsets is compacted", func(context.Context) error {
		commit(1)
		if got := readSimply(t, c, "__consumer_offsets"); len(got) > 500 {
			return fmt.Errorf("%d records of %d are left", len(got), c.End("__consumer_offsets", 0))
		}
		return nil
	})
	for range 2 {
		n := c.Leader("__consumer_offsets", 0)
		n.Kill()
		c.WaitLeaders("__consumer_offsets")
		cluster.Eventually(t, 30*time.Second, "the group is loaded", func(ctx context.Context) error {
			got, err := c.Admin().FetchOffsets(ctx, "g")
			if err != nil {
				return err
			}
			for p, offset := range want {
				if at, _ := got.Lookup("t", p); at.At != offset {
					t.Fatalf("partition %d: offset %d, committed was %d", p, at.At, offset)
				}
			}
			return got.Error()
		})
		commit(3)
		n.Restart()
	}
}
