package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// rejoin is a cluster of three under load, one of whose nodes goes away and comes back. What is
// sent before the load is not part of the history, so that it may be deleted.
type rejoin struct {
	t      *testing.T
	c      *cluster.Cluster
	rec    *history.Recorder
	victim *cluster.Node
	pause  time.Duration // of each producer, between two records
	load   *load.Producers
	watch  func()
}

// plainBytes keeps a client from compressing what is to take room.
var plainBytes = kgo.ProducerBatchCompression(kgo.NoCompression())

// rejoinTopic has three partitions, each of them on every node.
const rejoinTopic = "rejoin"

func startRejoin(t *testing.T) *rejoin {
	t.Helper()
	c := cluster.Start(t, 3)
	onlyTroupe(t, c)
	c.CreateTopic(rejoinTopic, 3, 3)
	return &rejoin{t: t, c: c, rec: history.NewRecorder(), victim: c.Node(3), pause: 2 * time.Millisecond}
}

// fill sends n records of 1 KiB to each partition that nobody keeps book of.
func (r *rejoin) fill(n int) {
	r.t.Helper()
	cl := r.c.Client(manual(), plainBytes)
	ctx := within(r.t, 60*time.Second)
	var records []*kgo.Record
	for i := range 3 * n {
		value := fmt.Sprintf("filling-%d %s", i, strings.Repeat("x", 1000))
		records = append(records, &kgo.Record{Topic: rejoinTopic, Partition: int32(i % 3), Value: []byte(value)})
	}
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		r.t.Fatalf("fill: %v", err)
	}
}

// begin begins the load, and returns where in each partition its records begin.
func (r *rejoin) begin() kadm.ListedOffsets {
	r.t.Helper()
	starts, err := r.c.Admin().ListEndOffsets(within(r.t, 20*time.Second), rejoinTopic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		r.t.Fatalf("end of %s: %v", rejoinTopic, err)
	}
	r.load = load.Start(r.t, r.c, r.rec, load.Config{Topic: rejoinTopic, Partitions: 3, Producers: 3, Interval: r.pause, Size: 1000, Options: []kgo.Opt{plainBytes}})
	r.load.Wait(500, 30*time.Second)
	return starts
}

// follow begins to read along; what was filled in before must be deleted, for it is not part of the
// history.
func (r *rejoin) follow() {
	r.t.Helper()
	r.watch = load.Watch(r.t, r.c, r.rec, rejoinTopic)
}

// end waits until all replicas are in sync, ends the load and checks its history. That the replicas
// are identical is checked at the end of every test.
func (r *rejoin) end() {
	r.t.Helper()
	r.c.WaitReady()
	r.c.WaitInSync(rejoinTopic)
	r.load.Wait(300, 30*time.Second)
	r.load.StopClean(30 * time.Second)
	r.watch()
	load.Check(r.t, r.c, r.rec, rejoinTopic)
}

// A node is away for a moment.
func TestRejoinAfterAMoment(t *testing.T) {
	r := startRejoin(t)
	r.begin()
	r.follow()
	r.victim.Kill()
	r.load.Wait(500, 30*time.Second)
	r.victim.Restart()
	r.end()
}

// A node returns after the log was trimmed past where it stood. It is sent a
// snapshot and pulls the log that goes with it.
func TestRejoinBehindATrimmedLog(t *testing.T) {
	r := startRejoin(t)
	r.fill(1000)
	r.victim.Kill()
	r.fill(2500)
	starts := r.begin()
	r.load.Wait(2500, 60*time.Second)
	deleted, err := r.c.Admin().DeleteRecords(within(t, 20*time.Second), starts.Offsets())
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		t.Fatalf("delete records: %v", err)
	}
	r.follow()
	r.load.Wait(4000, 60*time.Second) // each replica writes a checkpoint, and its log begins there
	r.victim.Restart()
	waitRestored(t, r.victim, 3)
	r.end()
}

// waitRestored waits until a node's replicas were restored by snapshots so often.
func waitRestored(t *testing.T, n *cluster.Node, times int64) {
	t.Helper()
	cluster.Eventually(t, 60*time.Second, "replicas are restored by snapshots", func(ctx context.Context) error {
		s, err := n.Status(ctx)
		if err == nil && s.Restored < times {
			err = fmt.Errorf("node %d: %d of %d", n.ID, s.Restored, times)
		}
		return err
	})
}

// away kills the node, lets the load go on, and does something to its disk meanwhile.
func (r *rejoin) away(do func()) {
	r.t.Helper()
	r.victim.Kill()
	r.load.Wait(300, 30*time.Second)
	do()
}

// says waits until a line of the node's log matches.
func (r *rejoin) says(pattern string) {
	r.t.Helper()
	want := regexp.MustCompile(pattern)
	cluster.Eventually(r.t, 30*time.Second, "the node's log says so", func(context.Context) error {
		if !r.victim.LogSays(want) {
			return fmt.Errorf("node %d: no line with %q", r.victim.ID, pattern)
		}
		return nil
	})
}

// healsWithin is how long a node may take to be whole again: all that it had may have to be sent to
// it, on a machine that does other things besides.
const healsWithin = 3 * time.Minute

// healed waits until nothing on the node is out of service.
func (r *rejoin) healed() {
	r.t.Helper()
	cluster.Eventually(r.t, healsWithin, "every replica is in service again", func(ctx context.Context) error {
		s, err := r.victim.Status(ctx)
		if err == nil && (s.Quarantined > 0 || s.Replicas < 4) { // __meta and three partitions
			err = fmt.Errorf("node %d: %+v", r.victim.ID, s)
		}
		return err
	})
}

// whole waits until the node itself proves that all that it has is what was written.
func (r *rejoin) whole() {
	r.t.Helper()
	cluster.Eventually(r.t, healsWithin, "troupe storage verify finds all whole", func(context.Context) error {
		if out, code := operator(r.t, r.victim, "storage", "verify"); code != 0 || strings.Count(out, ": whole") < 4 {
			return fmt.Errorf("node %d: exit code %d\n%s", r.victim.ID, code, out)
		}
		return nil
	})
}

// A node returns with an empty disk, after the old one was declared lost. It is
// given other replicas, which pull their logs.
func TestRejoinWithAnEmptyDisk(t *testing.T) {
	r := startRejoin(t)
	r.begin()
	r.follow()
	r.away(r.victim.Wipe)
	if out, code := operator(t, r.c.Node(1), "cluster", "replace", fmt.Sprint(r.victim.ID)); code != 0 {
		t.Fatalf("troupe cluster replace: exit code %d\n%s", code, out)
	}
	r.victim.Restart()
	r.healed()
	r.end()
}

// A node returns with a byte of its newest log flipped. What cannot be proved is
// replaced.
func TestRejoinWithAFlippedByte(t *testing.T) {
	r := startRejoin(t)
	r.begin()
	r.follow()
	r.away(func() {
		where := r.victim.FlipNewest()
		out, err := r.victim.Troupe("storage", "verify", "--dir", r.victim.Data())
		t.Logf("flipped %s; troupe storage verify: %v\n%s", where, err, out)
		if err == nil || !strings.Contains(out, "DAMAGED") {
			t.Fatal("troupe storage verify does not tell of it")
		}
	})
	r.victim.Restart()
	r.says("cannot be proved whole")
	r.healed()
	r.end()
	r.whole()
}

// A node returns with an older copy of its disk. The others know better, and it is
// given other replicas.
func TestRejoinWithAnOlderDisk(t *testing.T) {
	r := startRejoin(t)
	r.begin()
	r.follow()
	var restore func()
	r.away(func() { restore = r.victim.Backup() })
	r.victim.Restart()
	r.c.WaitInSync(rejoinTopic)
	r.load.Wait(500, 30*time.Second)
	r.away(restore)
	r.victim.Restart()
	r.says("holds what it held some time ago")
	r.healed()
	r.end()
}
