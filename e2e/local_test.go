package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// What people do first, with the binary as they would call it.

// run is a process of the binary in a directory of the test.
type run struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan error
	mu   sync.Mutex
	out  bytes.Buffer
}

func (r *run) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(b)
}

func (r *run) output() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

func start(t *testing.T, dir string, args ...string) *run {
	t.Helper()
	bin, err := cluster.Binary()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{t: t, cmd: exec.Command(bin, args...), done: make(chan error, 1)}
	r.cmd.Dir, r.cmd.Stdout, r.cmd.Stderr = dir, r, r
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.done <- r.cmd.Wait() }()
	t.Cleanup(func() {
		r.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("output of %v:\n%s", args, r.output())
		}
	})
	return r
}

func (r *run) says(text string, limit time.Duration) {
	r.t.Helper()
	cluster.Eventually(r.t, limit, fmt.Sprintf("the output says %q", text), func(context.Context) error {
		if out := r.output(); !strings.Contains(out, text) {
			return fmt.Errorf("it says:\n%s", out)
		}
		return nil
	})
}

// ends waits for the end of the process and compares its exit code.
func (r *run) ends(limit time.Duration, want int) {
	r.t.Helper()
	select {
	case <-r.done:
		if code := r.cmd.ProcessState.ExitCode(); code != want {
			r.t.Errorf("exit code %d, want %d; it says:\n%s", code, want, r.output())
		}
	case <-time.After(limit):
		r.t.Fatalf("it runs on after %s; it says:\n%s", limit, r.output())
	}
}

// signal tells a node of a local cluster something.
func (r *run) signal(node int, s syscall.Signal) {
	r.t.Helper()
	if err := syscall.Kill(r.process(node), s); err != nil {
		r.t.Fatal(err)
	}
}

// process is a node's, which the welcome names.
func (r *run) process(node int) (pid int) {
	r.t.Helper()
	found := regexp.MustCompile(fmt.Sprintf(`node %d: .* process (\d+)`, node)).FindStringSubmatch(r.output())
	if found == nil {
		r.t.Fatalf("the output does not name the process of node %d:\n%s", node, r.output())
	}
	pid, err := strconv.Atoi(found[1])
	if err != nil {
		r.t.Fatal(err)
	}
	return pid
}

// waitReady waits until the node with Kafka on that port is ready.
func waitReady(t *testing.T, port int) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, "the node is back", func(context.Context) error {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", port+2))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", resp.Status)
		}
		return nil
	})
}

func clientOf(t *testing.T, port int, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(cluster.ClientOptions(fmt.Sprintf("127.0.0.1:%d", port)), append(options, kgo.AllowAutoTopicCreation())...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// produceAt sends the records with a client of its own, which is gone after: one that lives on
// would create the topic again.
func produceAt(t *testing.T, port int, records []*kgo.Record) {
	t.Helper()
	cl := clientOf(t, port)
	defer cl.Close()
	produce(t, cl, records...)
}

// values reads n records of a topic from its start.
func values(t *testing.T, port int, topic string, n int) (got []string) {
	t.Helper()
	cl := clientOf(t, port, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	ctx := within(t, 30*time.Second)
	for len(got) < n && ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	return got
}

// troupe server without a flag is a cluster of one in ./data on port 9092; it creates topics, keeps
// its data, and stops when told to.
func TestServerAlone(t *testing.T) {
	if err := busy(9092, 9093, 9094, 9095); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	for round := range 2 {
		r := start(t, dir, "server")
		records, _ := numbered("greetings", 0, fmt.Sprint(round), 2)
		produceAt(t, 9092, records)
		if got := values(t, 9092, "greetings", 2*(round+1)); !slices.Equal(got, []string{"0-0", "0-1", "1-0", "1-1"}[:2*(round+1)]) {
			t.Errorf("round %d: read %q", round, got)
		}
		r.cmd.Process.Signal(syscall.SIGTERM)
		r.ends(10*time.Second, 0)
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err != nil {
		t.Error(err)
	}
}

// The first signal stops a node in good order, here held up by a receiver of telemetry that takes
// everything and answers nothing; a second one stops it at once.
func TestASecondSignalStopsAtOnce(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	base := cluster.FreeRange(t, 4)
	r := start(t, t.TempDir(), "server", fmt.Sprintf("--listeners=PLAINTEXT://127.0.0.1:%d", base), "--shutdown.timeout=10m",
		"--otlp.endpoint=http://"+silent.Addr().String(), "--otlp.protocol=http", "--otlp.metrics.interval=10m")
	waitReady(t, base)
	r.cmd.Process.Signal(syscall.SIGTERM)
	r.says("leaderships were handed over", 20*time.Second)
	select {
	case <-r.done:
		t.Fatalf("it did not wait for the receiver:\n%s", r.output())
	default:
	}
	r.cmd.Process.Signal(syscall.SIGTERM)
	r.ends(20*time.Second, 1)
	r.says("second signal: stopping at once", time.Second)
}

// handedOver counts the leaderships that stopping nodes say they handed over.
func (r *run) handedOver() (sum int) {
	for _, found := range regexp.MustCompile(`leaderships were handed over.* handed=(\d+)`).FindAllStringSubmatch(r.output(), -1) {
		n, _ := strconv.Atoi(found[1])
		sum += n
	}
	return sum
}

// killListener kills the node of a local cluster that has Kafka on a port, whichever process it is
// by now.
func killListener(t *testing.T, port int) {
	t.Helper()
	listener := fmt.Sprintf("--listeners=PLAINTEXT://127.0.0.1:%d", port)
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		if !slices.Contains(strings.Split(string(text), "\x00"), listener) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no process listens with %s", listener)
}

// createSpread creates a topic with three replicas and waits until every partition has a leader.
func createSpread(t *testing.T, port int, topic string, partitions int32) {
	t.Helper()
	cl := clientOf(t, port)
	defer cl.Close()
	req := kmsg.NewPtrCreateTopicsRequest()
	made := kmsg.NewCreateTopicsRequestTopic()
	made.Topic, made.NumPartitions, made.ReplicationFactor = topic, partitions, 3
	req.Topics = append(req.Topics, made)
	resp, err := req.RequestWith(within(t, 20*time.Second), cl)
	if err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("%s was not created: %+v, %v", topic, resp, err)
	}
	cluster.Eventually(t, 20*time.Second, "every partition has a leader", func(ctx context.Context) error {
		resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, cl)
		if err != nil {
			return err
		}
		for _, known := range resp.Topics {
			for _, p := range known.Partitions {
				if p.ErrorCode != 0 {
					return fmt.Errorf("%s-%d: error %d", *known.Topic, p.Partition, p.ErrorCode)
				}
			}
		}
		return nil
	})
}

func busy(ports ...int) error {
	for _, p := range ports {
		if !cluster.Free(p) {
			return fmt.Errorf("port %d is taken on this machine: the defaults cannot be tested", p)
		}
	}
	return nil
}

// The local cluster says when it is ready and what to do next, starts a killed node again, drains
// at Ctrl-C and stops at once at a second, finds its data again, forgets it when told to, and can
// be larger.
func TestLocalCluster(t *testing.T) {
	base := cluster.FreeRange(t, 50)
	dir := t.TempDir()
	local := func(args ...string) *run {
		return start(t, dir, append([]string{"dev", "--base-port", fmt.Sprint(base)}, args...)...)
	}
	r := local()
	r.says("ready in", 30*time.Second)
	r.says(fmt.Sprintf("kcat -b 127.0.0.1:%d", base), time.Second)
	r.says("node-3 ", time.Second)
	records, want := numbered("local", 0, "kept", 3)
	produceAt(t, base, records)
	r.signal(2, syscall.SIGKILL)
	r.says("node 2 ended by itself (signal: killed)", 10*time.Second)
	waitReady(t, base+10)
	killListener(t, base+10)
	r.says("node 2 ended by itself (signal: killed): the others go on, it is started again in 4s", 10*time.Second)
	waitReady(t, base+10)
	createSpread(t, base, "spread", 60)
	r.cmd.Process.Signal(os.Interrupt)
	r.ends(20*time.Second, 0)
	if handed := r.handedOver(); handed > 60 {
		t.Errorf("%d leaderships of 60 partitions were handed over while all nodes stopped: from one that stops to the next", handed)
	}

	r = local()
	r.says("ready in", 30*time.Second)
	if got := values(t, base, "local", 3); !slices.Equal(got, want) {
		t.Errorf("after a restart %q, want %q", got, want)
	}
	r.cmd.Process.Signal(os.Interrupt)
	r.ends(20*time.Second, 0)

	r = local("--fresh", "--nodes", "5")
	r.says("ready in", 30*time.Second)
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(within(t, 10*time.Second), clientOf(t, base))
	if err != nil || len(resp.Brokers) != 5 || len(resp.Topics) != 0 {
		t.Errorf("a fresh cluster of five: %d nodes, %d topics, %v", len(resp.Brokers), len(resp.Topics), err)
	}
	r.signal(2, syscall.SIGSTOP) // holds the first Ctrl-C up
	r.cmd.Process.Signal(os.Interrupt)
	r.says("stopping: leaderships are handed over", 20*time.Second)
	r.cmd.Process.Signal(os.Interrupt)
	r.ends(20*time.Second, 1)
	for n := range 5 {
		if err := syscall.Kill(r.process(n+1), 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("node %d is still there after the second Ctrl-C: %v", n+1, err)
		}
	}
}
