package hostile

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// Memory is what a node that is tried may use, and Descriptors how many files it may have open.
const (
	Memory      = 256 << 20
	Descriptors = 512
)

// Node starts a node with little memory and few descriptors, and a topic.
func Node(t testing.TB) (World, Target) {
	t.Helper()
	c := cluster.New(t, 1, cluster.Set("group.initial.rebalance.delay.ms", "0"), cluster.NoVerify())
	n := c.Nodes[0]
	n.Args(fmt.Sprintf("--memory=%d", int64(Memory)))
	n.Start()
	if err := limitFiles(n.Pid(), Descriptors); err != nil {
		t.Fatal(err)
	}
	n.WaitReady()
	w, err := world(t, c)
	if err != nil {
		t.Fatal(err)
	}
	before := goroutines(t, n)
	return w, Target{
		Address: n.Addr(),
		Alive: func() error {
			if !n.Running() {
				return fmt.Errorf("its last lines:\n%s", n.Tail(30))
			}
			return nil
		},
		Memory: func() (int64, error) { return cluster.Anonymous(n.Pid()) },
		Left:   func(ctx context.Context) (string, error) { return left(ctx, n, before) },
		Stacks: func() string { return stacks(n) },
	}
}

// world makes what honest requests name.
func world(t testing.TB, c *cluster.Cluster) (World, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	const topic = "hostile"
	created, err := c.Admin().CreateTopic(ctx, 2, 1, nil, topic)
	if err == nil {
		err = created.Err
	}
	return World{Topic: topic, TopicID: created.ID, Batch: honest()}, err
}

// honest is a record batch of two records.
func honest() []byte {
	return batch.Build([]batch.Record{{Key: []byte("a"), Value: []byte("one"), Timestamp: 1}, {Key: []byte("b"), Value: []byte("two"), Timestamp: 2}})
}

// goroutines counts those of a node.
func goroutines(t testing.TB, n *cluster.Node) int {
	t.Helper()
	count, err := countGoroutines(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func countGoroutines(ctx context.Context, n *cluster.Node) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.MetricsAddr()+"/debug/pprof/goroutine?debug=1", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	line, err := bufio.NewReader(answer.Body).ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "goroutine profile: total ")))
}

// stacks writes the stacks of a node's goroutines beside its data.
func stacks(n *cluster.Node) string {
	file := filepath.Join(n.Dir, "stacks")
	answer, err := http.Get("http://" + n.MetricsAddr() + "/debug/pprof/goroutine?debug=2")
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return err.Error()
	}
	return file
}

// spare is how many goroutines more than before are taken for the node's own: topics that were
// created have replicas, and what runs by itself comes and goes.
const spare = 50

// own is how many connections the test's own client may have.
const own = 1

// left tells what a node still holds.
func left(ctx context.Context, n *cluster.Node, before int) (string, error) {
	m, err := n.Metrics(ctx)
	if err != nil {
		return "", err
	}
	var held []string
	if v := m.Value("troupe_connections"); v > own {
		held = append(held, fmt.Sprintf("%g connections", v))
	}
	status, err := n.Status(ctx)
	if err != nil {
		return "", err
	}
	for account, v := range status.InFlight {
		if v != 0 {
			held = append(held, fmt.Sprintf("%d %s", v, account))
		}
	}
	now, err := countGoroutines(ctx, n)
	if now > before+spare {
		held = append(held, fmt.Sprintf("%d goroutines, %d before", now, before))
	}
	return strings.Join(held, ", "), err
}
