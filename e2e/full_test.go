package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/hosts"
	"github.com/troupe-mq/troupe/e2e/load"
)

// Sizes of the small disks, in MiB: of all of it, of what is low (half of it is full), of the
// ballast.
const (
	smallMiB   = 320
	lowMiB     = 112
	ballastMiB = 16
	mib        = 1 << 20
)

// small puts a node's data on a file system of its own, of which some is taken by a file that is
// not the node's.
func small(t *testing.T, n *cluster.Node, takenMiB int64) {
	t.Helper()
	hosts.Need(t)
	if err := os.MkdirAll(n.Data(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := mountSmall(n.Data(), smallMiB); err != nil {
		t.Fatalf("mount a file system of %d MiB: %v", smallMiB, err)
	}
	t.Cleanup(func() {
		if err := unmount(n.Data()); err != nil {
			t.Errorf("unmount the small file system: %v", err)
		}
	})
	take(t, n, takenMiB*mib)
	n.Args(fmt.Sprintf("--disk.free.min.bytes=%d", lowMiB*mib), fmt.Sprintf("--disk.ballast.bytes=%d", ballastMiB*mib))
}

func taken(n *cluster.Node) string { return filepath.Join(n.Data(), "taken") }

// take makes the file that is not the node's so large, or as large as there is space for.
func take(t *testing.T, n *cluster.Node, bytes int64) {
	t.Helper()
	f, err := os.Create(taken(n))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, zeros{}, bytes); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// waitDisk waits until a node says that its disk is in one of these states.
func waitDisk(t *testing.T, n *cluster.Node, within time.Duration, levels ...string) {
	t.Helper()
	cluster.Eventually(t, within, fmt.Sprintf("the disk of node %d is %v", n.ID, levels), func(ctx context.Context) error {
		s, err := n.Status(ctx)
		if err != nil {
			return err
		}
		for _, level := range levels {
			if s.Disk == level {
				return nil
			}
		}
		return fmt.Errorf("it is %s, %d MiB are free", s.Disk, s.DiskFree/mib)
	})
}

// waitBallast waits until the file is there that a node gives up to start on a full disk: it is
// made a while after the node.
func waitBallast(t *testing.T, n *cluster.Node) {
	t.Helper()
	cluster.Eventually(t, time.Minute, "the ballast", func(context.Context) error {
		info, err := os.Stat(ballast(n))
		if err == nil && info.Size() < ballastMiB*mib {
			err = fmt.Errorf("it has %d bytes", info.Size())
		}
		return err
	})
}

func ballast(n *cluster.Node) string { return filepath.Join(n.Data(), "store", "BALLAST") }

// flood fills a disk of that size in some ten seconds.
func flood(partitions int32) load.Config {
	return load.Config{
		Topic: "t", Partitions: partitions, Producers: 2, Size: 64 << 10, Interval: 5 * time.Millisecond,
		Options: []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression())},
	}
}

// One of three nodes runs out of space under load: its leaderships move, then it stops following;
// nobody's write fails. It is killed with no byte left and starts. With space again it catches up
// and leads again, and nothing acknowledged is lost.
func TestOneDiskFills(t *testing.T) {
	c := cluster.New(t, 3)
	onlyTroupe(t, c)
	n := c.Node(1)
	small(t, n, 96)
	for _, node := range c.Nodes {
		node.Start()
	}
	c.WaitReady()
	waitBallast(t, n)
	c.CreateTopic("t", 3, 3)
	rec := history.NewRecorder()
	producers := load.Start(t, c, rec, flood(3))
	waitDisk(t, n, 60*time.Second, "low", "full")
	c.WaitTopic("t", "leaders elsewhere", func(topic kmsg.MetadataResponseTopic) error {
		for _, p := range topic.Partitions {
			if p.Leader == n.ID {
				return fmt.Errorf("node %d leads partition %d", n.ID, p.Partition)
			}
		}
		return nil
	})
	waitDisk(t, n, 60*time.Second, "full")
	producers.Wait(100, 30*time.Second) // the others go on
	if !n.Running() {
		t.Fatalf("node %d ended as its disk filled", n.ID)
	}
	c.WaitTopic("t", "a replica that does not follow", func(topic kmsg.MetadataResponseTopic) error {
		for _, p := range topic.Partitions {
			if len(p.ISR) != 2 {
				return fmt.Errorf("partition %d has %v in sync", p.Partition, p.ISR)
			}
		}
		return nil
	})
	n.Kill()
	take(t, n, 1<<40) // every byte that is left
	if _, err := os.Stat(ballast(n)); err != nil {
		t.Fatalf("the ballast is not there to be given up: %v", err)
	}
	n.Start()
	// and so it has started; it is not ready, as it has not caught up
	waitDisk(t, n, 30*time.Second, "full")
	producers.StopClean(60 * time.Second)
	take(t, n, 0)
	waitDisk(t, n, 60*time.Second, "ample")
	n.WaitReady()
	c.WaitInSync("t")
	waitEvenly(t, c, "t")
	load.Check(t, c, rec, "t")
}

func waitEvenly(t *testing.T, c *cluster.Cluster, topic string) {
	t.Helper()
	c.WaitTopic(topic, "leaders on all nodes", func(topic kmsg.MetadataResponseTopic) error {
		leads := map[int32]bool{}
		for _, p := range topic.Partitions {
			leads[p.Leader] = true
		}
		if len(leads) != 3 {
			return fmt.Errorf("only %v lead", leads)
		}
		return nil
	})
}

// All three nodes run low: writes are refused with an error that clients retry, reads go on, and
// when retention gives space back, writes are taken again.
func TestAllDisksFill(t *testing.T) {
	c := cluster.New(t, 3, often()...)
	onlyTroupe(t, c)
	for _, n := range c.Nodes {
		small(t, n, 0)
		n.Start()
	}
	c.WaitReady()
	createWith(t, c, "t", map[string]string{"retention.ms": "-1"})
	rec := history.NewRecorder()
	producers := load.Start(t, c, rec, flood(1))
	for _, n := range c.Nodes {
		waitDisk(t, n, 60*time.Second, "low", "full")
	}
	once := c.Client(manual(), kgo.RecordRetries(0), kgo.DisableIdempotentWrite(), kgo.ProduceRequestTimeout(5*time.Second))
	refused := once.ProduceSync(within(t, 20*time.Second), &kgo.Record{Topic: "t", Value: []byte("no")}).FirstErr()
	if !errors.Is(refused, kerr.KafkaStorageError) || !kerr.IsRetriable(refused) {
		t.Fatalf("a write without space: %v", refused)
	}
	before := c.End("t", 0)
	if got := readSimply(t, c, "t"); int64(len(got)) != before {
		t.Fatalf("%d records are read, %d are there", len(got), before)
	}
	answered := producers.Answered()
	alter(t, c, "t", map[string]string{"retention.bytes": strconv.Itoa(16 * mib)})
	for _, n := range c.Nodes {
		waitDisk(t, n, 90*time.Second, "ample")
	}
	producers.Wait(100, 60*time.Second)
	if errs := producers.Stop(60 * time.Second); len(errs) > 0 {
		t.Fatalf("%d writes failed that were to be retried, the first: %v", len(errs), errs[0])
	}
	if producers.Answered() <= answered {
		t.Fatalf("%d writes were answered, %d before there was space again", producers.Answered(), answered)
	}
	checkTrimmed(t, c, rec)
}

// checkTrimmed holds what a trimmed log holds against what was acknowledged: of that, everything
// from the start on, once.
func checkTrimmed(t *testing.T, c *cluster.Cluster, rec *history.Recorder) {
	t.Helper()
	seen := map[int64]string{}
	got := readSimply(t, c, "t")
	// the log may have been trimmed while it was read
	start, err := earliest(within(t, 30*time.Second), c, "t")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		seen[r.Offset] = strings.TrimRight(string(r.Value), " ")
	}
	acknowledged := 0
	for _, s := range rec.History().Sends {
		if s.Outcome != history.Acked || s.Offset < start {
			continue
		}
		acknowledged++
		if seen[s.Offset] != s.Value {
			t.Fatalf("%s was acknowledged at %d, and %.20q is there", s.Value, s.Offset, seen[s.Offset])
		}
	}
	if acknowledged == 0 || start == 0 {
		t.Fatalf("the test is wrong: the log starts at %d, %d acknowledged records lie behind", start, acknowledged)
	}
}
