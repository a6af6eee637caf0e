package e2e

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// memory is what each node may use in these tests, and tolerance how much more: Go holds its limit
// only as far as it is given the processor to collect garbage with, and here everything competes
// for it.
const (
	memory    = 256 << 20
	tolerance = memory / 2
)

// frugal starts three nodes with little memory and watches that each stays within it for as long as
// the test runs. What counts is memory that is the process's own: pages of mapped files are the
// kernel's to take back at any time.
func frugal(t *testing.T) *cluster.Cluster {
	t.Helper()
	if _, err := cluster.Anonymous(os.Getpid()); err != nil {
		t.Skipf("this system does not tell what a process uses: %v", err)
	}
	c := cluster.New(t, 3)
	onlyTroupe(t, c)
	for _, n := range c.Nodes {
		n.Args(fmt.Sprintf("--memory=%d", memory))
		n.Start()
	}
	c.WaitReady()
	ctx, cancel := context.WithCancel(context.Background())
	most := make([]int64, len(c.Nodes))
	var watching sync.WaitGroup
	for i, n := range c.Nodes {
		pid := n.Pid()
		watching.Go(func() { most[i] = mostOf(ctx, pid) })
	}
	t.Cleanup(func() {
		cancel()
		watching.Wait()
		for i, n := range c.Nodes {
			t.Logf("node %d used %d MiB of memory at most", n.ID, most[i]/mib)
			if most[i] > memory+tolerance {
				t.Errorf("node %d used %d MiB of memory, its budget is %d MiB and %d more", n.ID, most[i]/mib, memory/mib, tolerance/mib)
			}
		}
	})
	return c
}

// mostOf samples what a process uses until the context ends.
func mostOf(ctx context.Context, pid int) (most int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if n, err := cluster.Anonymous(pid); err == nil {
			most = max(most, n)
		}
		select {
		case <-ctx.Done():
			return most
		case <-tick.C:
		}
	}
}

// torrent is clients that produce more than any disk takes, and what was acknowledged to them.
type torrent struct {
	t       *testing.T
	topic   string
	clients []*kgo.Client
	done    sync.WaitGroup
	stop    context.CancelFunc
	acked   atomic.Int64

	mu   sync.Mutex
	ends map[int32]int64 // behind the last acknowledged record
	errs []error
}

const torrentRecord = 16 << 10

// pour starts as many clients, each with 16 MiB of records under way.
func pour(t *testing.T, c *cluster.Cluster, topic string, clients int) *torrent {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &torrent{t: t, topic: topic, stop: cancel, ends: make(map[int32]int64)}
	t.Cleanup(cancel)
	value := make([]byte, torrentRecord)
	rand.Read(value)
	for range clients {
		cl := c.Client(kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()),
			kgo.ProducerLinger(0), kgo.MaxBufferedBytes(16*mib), kgo.StopProducerOnDataLossDetected())
		f.clients = append(f.clients, cl)
		f.done.Go(func() {
			for ctx.Err() == nil {
				// blocks while too much is under way
				cl.Produce(context.Background(), &kgo.Record{Value: value}, f.answered)
			}
		})
	}
	return f
}

func (f *torrent) answered(r *kgo.Record, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.errs = append(f.errs, err)
		return
	}
	f.acked.Add(1)
	f.ends[r.Partition] = max(f.ends[r.Partition], r.Offset+1)
}

// wait waits until n more records are acknowledged.
func (f *torrent) wait(n int64, limit time.Duration) {
	f.t.Helper()
	want := f.acked.Load() + n
	cluster.Eventually(f.t, limit, fmt.Sprintf("%d more records acknowledged", n), func(context.Context) error {
		if got := f.acked.Load(); got < want {
			return fmt.Errorf("%d of %d", got, want)
		}
		return nil
	})
}

// end waits for all answers and holds the log against them: records are sent once each, so as many
// as were acknowledged are there.
func (f *torrent) end(c *cluster.Cluster) {
	f.t.Helper()
	f.stop()
	f.done.Wait()
	for _, cl := range f.clients {
		if err := cl.Flush(within(f.t, 2*time.Minute)); err != nil {
			f.t.Fatalf("records of %s without an answer: %v", f.topic, err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.errs) > 0 {
		f.t.Fatalf("%d records of %s failed, the first: %v", len(f.errs), f.topic, f.errs[0])
	}
	var ends kadm.ListedOffsets
	cluster.Eventually(f.t, time.Minute, "the ends of "+f.topic, func(ctx context.Context) (err error) {
		if ends, err = c.Admin().ListEndOffsets(ctx, f.topic); err == nil {
			err = ends.Error()
		}
		return err
	})
	var all int64
	for p, end := range ends[f.topic] {
		all += end.Offset
		if end.Offset < f.ends[p] {
			f.t.Errorf("%s/%d ends at %d, offset %d was acknowledged", f.topic, p, end.Offset, f.ends[p]-1)
		}
	}
	if all != f.acked.Load() {
		f.t.Errorf("%s holds %d records, %d were acknowledged", f.topic, all, f.acked.Load())
	}
	f.t.Logf("%d MiB were acknowledged", f.acked.Load()*torrentRecord/mib)
}

// Lengths of each part, in the full length and in CI's.
const (
	pourFor      = 60 * time.Second
	pourForShort = 2 * time.Second
)

// poured lets the flood go on for its time and sees that records are acknowledged all the while.
func (f *torrent) poured() {
	f.t.Helper()
	for end := time.Now().Add(lasts(pourFor, pourForShort)); time.Now().Before(end); {
		f.wait(50, 30*time.Second)
	}
}

// Producers that bring more than the disks take, and a follower that stands still for a while in
// the middle of it: all nodes stay within their memory, everything is acknowledged in the end and
// is there.
func TestMemoryUnderFlood(t *testing.T) {
	c := frugal(t)
	c.CreateTopic("t", 16, 3)
	f := pour(t, c, "t", 4)
	f.poured()
	slow := c.Node(3)
	slow.Pause()
	f.poured()
	slow.Resume()
	f.poured()
	f.end(c)
	c.WaitInSync("t")
}

// ask writes a request to a connection of a node.
func ask(t *testing.T, nc net.Conn, r kmsg.Request, version int16) {
	t.Helper()
	r.SetVersion(version)
	nc.SetWriteDeadline(time.Now().Add(30 * time.Second))
	if _, err := nc.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, r, 1)); err != nil {
		t.Fatal(err)
	}
}

// answer reads the next answer whole and returns its size.
func answer(t *testing.T, nc net.Conn) int {
	t.Helper()
	nc.SetReadDeadline(time.Now().Add(30 * time.Second))
	var size [4]byte
	if _, err := io.ReadFull(nc, size[:]); err != nil {
		t.Fatal(err)
	}
	n, err := io.CopyN(io.Discard, nc, int64(binary.BigEndian.Uint32(size[:])))
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func connect(t *testing.T, n *cluster.Node, many int) []net.Conn {
	t.Helper()
	all := make([]net.Conn, many)
	for i := range all {
		nc, err := net.DialTimeout("tcp", n.Addr(), 30*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		t.Cleanup(func() { nc.Close() })
		all[i] = nc
	}
	return all
}

// 5,000 clients of one node, silent at first, then each with a request: the node stays within its
// memory, all are answered, and others go on.
func TestMemoryWithManyConnections(t *testing.T) {
	c := frugal(t)
	c.CreateTopic("t", 16, 3)
	all := connect(t, c.Node(1), 5000)
	f := pour(t, c, "t", 1)
	f.wait(50, 30*time.Second)
	for range 3 {
		for _, nc := range all {
			ask(t, nc, kmsg.NewPtrMetadataRequest(), 12)
		}
		for i, nc := range all {
			if n := answer(t, nc); n < 500 {
				t.Fatalf("the answer to client %d has %d bytes", i, n)
			}
		}
	}
	f.wait(50, 30*time.Second)
	f.end(c)
}

// wholeTopic asks for as much of a topic as a node gives.
func wholeTopic(topic string, partitions int32) kmsg.Request {
	r := kmsg.NewPtrFetchRequest()
	r.MaxBytes, r.SessionEpoch = 50*mib, -1
	of := kmsg.NewFetchRequestTopic()
	of.Topic = topic
	for p := range partitions {
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.PartitionMaxBytes, part.CurrentLeaderEpoch = p, 50*mib, -1
		of.Partitions = append(of.Partitions, part)
	}
	r.Topics = append(r.Topics, of)
	return r
}

// Consumers that ask for all there is, many times over, and never read an answer: the nodes stay
// within their memory, and a consumer that reads gets everything.
func TestMemoryWithDeafConsumers(t *testing.T) {
	c := frugal(t)
	c.CreateTopic("t", 16, 3)
	f := pour(t, c, "t", 2)
	f.wait(3000, 60*time.Second)
	f.end(c)
	for _, n := range c.Nodes {
		for _, nc := range connect(t, n, 100) {
			for range 16 {
				ask(t, nc, wholeTopic("t", 16), 11)
			}
		}
	}
	readAll(t, c, "t", f.acked.Load())
	more := pour(t, c, "t", 1)
	more.wait(50, 30*time.Second)
}

// readAll has an ordinary consumer read a topic from the start.
func readAll(t *testing.T, c *cluster.Cluster, topic string, records int64) {
	t.Helper()
	cl := c.Client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx := within(t, 60*time.Second)
	for n := int64(0); n < records; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("after %d of %d records: %v", n, records, err)
		}
		fetches.EachError(func(topic string, p int32, err error) {
			if !kerr.IsRetriable(err) {
				t.Fatalf("%s/%d: %v", topic, p, err)
			}
		})
		n += int64(fetches.NumRecords())
	}
}
