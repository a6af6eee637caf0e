package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// What a deleted topic took of the disk is given back, and the other topic has all that it had.
func TestADeletedTopicReturnsItsDisk(t *testing.T) {
	c := cluster.Start(t, 1)
	onlyTroupe(t, c) // Kafka waits for file.delete.delay.ms
	c.CreateTopic("stays", 1, 1)
	c.CreateTopic("goes", 3, 1)
	cl := c.Client(manual(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	values := []string{}
	for i := range 300 {
		var all []*kgo.Record
		for p := range int32(3) {
			all = append(all, &kgo.Record{Topic: "goes", Partition: p, Value: make([]byte, 512<<10)})
		}
		if i%30 == 0 {
			values = append(values, fmt.Sprint("value ", i))
			all = append(all, &kgo.Record{Topic: "stays", Value: []byte(values[len(values)-1])})
		}
		if err := cl.ProduceSync(within(t, 30*time.Second), all...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	full := occupied(t, c.Node(1).Data())
	if full < 400*mib {
		t.Fatalf("the test is wrong: only %d MiB are occupied", full/mib)
	}
	shown := func() (live, reclaimed int64) {
		m, err := c.Node(1).Metrics(within(t, 10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return int64(m.Value("troupe_storage_live_bytes")), int64(m.Value("troupe_storage_reclaimed_bytes_total"))
	}
	if live, reclaimed := shown(); live < 450*mib || live > 460*mib || reclaimed != 0 {
		t.Errorf("%d MiB are live and %d MiB were reclaimed, want the 450 MiB that were sent and none", live/mib, reclaimed/mib)
	}
	if _, err := c.Admin().DeleteTopics(within(t, 20*time.Second), "goes"); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 60*time.Second, "the disk is given back", func(context.Context) error {
		if now := occupied(t, c.Node(1).Data()); now > full/3 {
			return fmt.Errorf("%d MiB are occupied of %d", now/mib, full/mib)
		}
		return nil
	})
	if live, reclaimed := shown(); live > mib || reclaimed < full/2 || reclaimed > full {
		t.Errorf("%d bytes are live and %d MiB were reclaimed of %d, want next to nothing and more than half", live, reclaimed/mib, full/mib)
	}
	wantExactly(t, c, "stays", 0, values)
}

// occupied is what the files below a directory take. Badger's are sparse: their length says little.
func occupied(t *testing.T, dir string) (n int64) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // it may be gone meanwhile
		}
		if info, err := d.Info(); err == nil {
			n += blocks(info)
		}
		return nil
	})
	return n
}
