package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// A read-only replica serves consumers in its rack, is a replica in sync to Kafka's clients, delays
// nothing, votes for nothing, and votes once it is promoted.
func TestReadReplicas(t *testing.T) {
	c := inRacks(t, 1)
	c.CreateTopicAt("read", []int32{1, 2, 3})
	waitPreferred(t, c, "read", 1)
	rec := history.NewRecorder()
	p := load.Start(t, c, rec, load.Config{Topic: "read", Partitions: 1})
	p.Wait(100, 30*time.Second)
	if out, code := operator(t, c.Node(2), "topic", "alter", "read", "--read-replicas", "2"); code == 0 || !strings.Contains(out, "there is room for 1 read replicas, not 2") {
		t.Errorf("two readers on one node: %d, %s", code, out)
	}
	if out, code := operator(t, c.Node(2), "topic", "alter", "read", "--read-replicas", "1"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	waitReplica(t, c, 4, "reader")
	c.WaitTopic("read", "three voters and the reader", replicasAre("[1 2 3 4]"))
	servesItsRack(t, c)

	reader := c.Node(4)
	reader.Pause()
	p.Wait(300, 20*time.Second)
	reader.Resume()
	waitReplica(t, c, 4, "reader")
	p.StopClean(30 * time.Second)
	load.Check(t, c, rec, "read")
	votesForNothing(t, c)

	if out, code := operator(t, c.Node(1), "topic", "promote", "read", "0", "4"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	waitReplica(t, c, 4, "voter")
	c.WaitTopic("read", "four voters", replicasAre("[1 2 3 4]"))
}

func replicasAre(want string) func(kmsg.MetadataResponseTopic) error {
	return func(topic kmsg.MetadataResponseTopic) error {
		if p := topic.Partitions[0]; fmt.Sprint(p.Replicas) != want || len(p.ISR) != len(p.Replicas) {
			return fmt.Errorf("replicas %v, in sync %v, want %s", p.Replicas, p.ISR, want)
		}
		return nil
	}
}

// waitReplica waits until the replica of partition 0 on a node is in a role and in sync.
func waitReplica(t *testing.T, c *cluster.Cluster, at int32, role string) {
	t.Helper()
	cluster.Eventually(t, 60*time.Second, fmt.Sprintf("node %d is a %s in sync", at, role), func(context.Context) error {
		out, _ := operator(t, c.Node(2), "topic", "describe", "read", "--json")
		var all []node.ReplicaStatus
		if err := json.NewDecoder(strings.NewReader(out)).Decode(&all); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		for _, r := range all {
			if r.Node == at && r.Role == role && r.InSync && !r.Coming {
				return nil
			}
		}
		return fmt.Errorf("%+v", all)
	})
}

func servesItsRack(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	var from fetchedFrom
	consumer := c.Client(kgo.ConsumeTopics("read"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Rack("d"), kgo.WithHooks(&from))
	defer consumer.Close()
	ctx := within(t, 60*time.Second)
	for n := 0; n < 100 || from.node(4) == 0; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%v after %d records, %d bytes from the reader", err, n, from.node(4))
		}
		n += fetches.NumRecords()
	}
	if others := from.node(2) + from.node(3); others > 0 {
		t.Errorf("%d bytes came from replicas in other racks", others)
	}
}

// votesForNothing: with one voter and the reader up nothing is acknowledged.
func votesForNothing(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	c.Node(2).Kill()
	c.Node(3).Kill()
	cl := c.Client(manual(), kgo.SeedBrokers(c.Node(1).Addr()))
	acked := make(chan error, 1)
	cl.Produce(context.Background(), &kgo.Record{Topic: "read", Value: []byte("unheard")}, func(_ *kgo.Record, err error) { acked <- err })
	cluster.Holds(t, 3*time.Second, "nothing is acknowledged by a leader and a reader", func(context.Context) error {
		select {
		case err := <-acked:
			return errors.Join(errors.New("it was answered"), err)
		default:
			return nil
		}
	})
	c.Node(2).Restart()
	c.Node(3).Restart()
	if err := <-acked; err != nil {
		t.Errorf("the record failed when a majority was back: %v", err)
	}
	c.WaitInSync("read")
}
