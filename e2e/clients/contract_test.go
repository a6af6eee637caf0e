//go:build clients

package clients

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// client is a client under test: the command line of each thing it must do.
type client struct {
	// codecs are the compressions it can produce, by Kafka's names. Each is used for a produce of its
	// own.
	codecs []string
	// topics prints the name of every topic on a line of its own; other words may follow on the line.
	topics func() *exec.Cmd
	// create makes a topic of 3 partitions with 3 replicas. Nil if the client has no such call.
	create func(topic string) *exec.Cmd
	// produce sends its standard input with acks=all: lines of key, tab, value.
	produce func(topic, codec string) *exec.Cmd
	// consume is one member of a group, and begins at the start of what the group has not committed.
	// It prints each record on a line: partition, offset, key, value, with tabs between. At SIGTERM it
	// commits what it has printed, leaves and ends.
	consume func(topic, group string) *exec.Cmd
}

const (
	perCodec     = 400 // records of each produce; four codecs and none make 2,000
	partitions   = 3
	settleWithin = 60 * time.Second // joining, electing, and the start of a JVM on a busy machine
)

// every codec that Kafka has.
var allCodecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// keepsContract is what every client has to do.
func keepsContract(t *testing.T, c *cluster.Cluster, cl client) {
	t.Helper()
	name := t.Name()[strings.LastIndex(t.Name(), "/")+1:]
	topic, group := "topic.of."+name, "group-of-"+name
	if cl.create != nil {
		run(t, cl.create(topic), "")
		c.WaitInSync(topic)
	} else {
		c.CreateTopic(topic, partitions, 3)
	}
	seesEveryTopic(t, c, cl)

	members := []*member{join(t, cl.consume(topic, group)), join(t, cl.consume(topic, group))}
	waitForMembers(t, c, group, members)
	var sent []record
	for _, codec := range cl.codecs {
		batch := makeRecords(codec, perCodec)
		run(t, cl.produce(topic, codec), lines(batch))
		sent = append(sent, batch...)
	}
	wantLog(t, c, topic, sent)
	waitForRecords(t, members, len(sent))
	for _, m := range members {
		m.stop()
	}
	wantReceived(t, members, sent)
	wantCommitted(t, c, topic, group)
}

// seesEveryTopic compares what the client lists with what the cluster holds; internal topics may be
// left out.
func seesEveryTopic(t *testing.T, c *cluster.Cluster, cl client) {
	t.Helper()
	details, err := c.Admin().ListTopics(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := details.Names()
	var got []string
	for line := range strings.Lines(run(t, cl.topics(), "")) {
		if f := strings.Fields(line); len(f) > 0 && !strings.HasPrefix(f[0], "__") {
			got = append(got, f[0])
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("it sees the topics\n%q\nthere are\n%q", got, want)
	}
}

// waitForMembers waits until both members have partitions: a member that had none would prove
// nothing.
func waitForMembers(t *testing.T, c *cluster.Cluster, group string, members []*member) {
	t.Helper()
	cluster.Eventually(t, settleWithin, "two members with partitions in "+group, func(ctx context.Context) error {
		for _, m := range members {
			if m.ended() {
				t.Fatalf("a member ended: %s", m)
			}
		}
		groups, err := c.Admin().DescribeGroups(ctx, group)
		if err != nil {
			return err
		}
		g := groups[group]
		if g.State != "Stable" || len(g.Members) != len(members) {
			return fmt.Errorf("%s, %d members, %v", g.State, len(g.Members), g.Err)
		}
		for _, m := range g.Members {
			if a, ok := m.Assigned.AsConsumer(); !ok || len(a.Topics) != 1 || len(a.Topics[0].Partitions) == 0 {
				return fmt.Errorf("member %s has nothing", m.MemberID)
			}
		}
		return nil
	})
}

// waitForRecords waits until the members have printed n records, however long that takes while some
// still come.
func waitForRecords(t *testing.T, members []*member, n int) {
	t.Helper()
	var before int
	for {
		var now int
		cluster.Eventually(t, settleWithin, fmt.Sprintf("%d records", n), func(context.Context) error {
			now = 0
			for _, m := range members {
				now += len(m.records())
				if m.ended() {
					t.Fatalf("a member ended: %s", m)
				}
			}
			if now == before && now < n {
				return fmt.Errorf("%d received\n%s\n%s", now, members[0], members[1])
			}
			return nil
		})
		if now >= n {
			return
		}
		before = now
	}
}

// wantCommitted wants the group empty, and to have committed the end of every partition.
func wantCommitted(t *testing.T, c *cluster.Cluster, topic, group string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	groups, err := c.Admin().DescribeGroups(ctx, group)
	if err != nil || groups[group].State != "Empty" {
		t.Errorf("group %s is %q after its members left, want Empty; %v", group, groups[group].State, err)
	}
	committed, err := c.Admin().FetchOffsets(ctx, group)
	if err != nil {
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		o, ok := committed.Lookup(topic, p)
		if end := c.End(topic, p); !ok || o.At != end {
			t.Errorf("%s/%d: %s committed %d (%t), the end is %d", topic, p, group, o.At, ok, end)
		}
	}
}

// terminate is how a client is told to end.
const terminate = syscall.SIGTERM
