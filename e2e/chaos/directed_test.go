//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/hosts"
)

// A leader that is split from the others acknowledges nothing while they go on
// without it; when no majority is left nobody acknowledges anything; after healing all goes on
// without help. That nobody did is what the history is checked for (Minority): every node is asked
// all the time.
func TestMinoritiesAndMajorities(t *testing.T) {
	hosts.Need(t)
	r := Start(t, Config{})
	r.episodes++
	r.rec = history.NewRecorder()
	l := r.load("directed")
	r.recovers(l)

	leader := int(r.Cluster.Leader(l.topics[2], 0).ID)
	r.during(Fault{Kind: "split", Nodes: []int{leader}}, func() {
		r.othersElect(l.topics[2], leader)
		l.idempotent.Wait(200, recoverWithin)
		l.plain.Wait(20, recoverWithin)
	})
	r.recovers(l)

	r.during(Fault{Kind: "shatter", Nodes: []int{1, 2, 3}}, func() {
		<-time.After(4 * time.Second) // longer than leaders take to step down
	})
	r.recovers(l)
	if cuts := len(r.rec.History().Cuts); cuts < 1+3+1 {
		t.Errorf("%d times are noted in which nodes had no majority, want those of %d nodes and one of all", cuts, 4)
	}
	r.settle(l)
}

// othersElect waits until another node than the old leader tells that it leads the topic's
// partition 0.
func (r *Run) othersElect(topic string, old int) {
	r.t.Helper()
	cluster.Eventually(r.t, recoverWithin, fmt.Sprintf("%s/0 is led by another than node %d", topic, old), func(ctx context.Context) error {
		for _, n := range r.Cluster.Nodes {
			if int(n.ID) == old {
				continue
			}
			got, err := n.Topic(ctx, topic)
			if err != nil {
				return err
			}
			if got.Partitions[0].Leader == n.ID {
				return nil
			}
		}
		return errors.New("nobody says so")
	})
}

// setAside is what a node says whose store cannot be read any more.
var setAside = regexp.MustCompile("the store of this node is damaged: it was set aside")

// The control of TestPowerLoss: on disks that lie, what was acknowledged is lost, and it shows.
func TestPowerLossOfDisksThatLie(t *testing.T) {
	hosts.Need(t)
	const topic, records = "lied", 200
	r := Start(t, Config{lie: true})
	r.Cluster.CreateTopic(topic, 1, replicas)
	producer := r.Cluster.Client(kgo.DefaultProduceTopic(topic))
	for i := range records {
		if err := producer.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint(i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	f := Fault{Kind: "power", Nodes: []int{1, 2, 3}}
	r.effect(&f, begin)
	r.effect(&f, end)
	for _, n := range r.Cluster.Nodes {
		n.Doomed() // whoever finds out that its disk forgot may say so and end
	}
	cluster.Eventually(t, recoverWithin, "the loss shows", func(ctx context.Context) error {
		// nodes that wait to be let in answer nothing
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		damaged := func(n *cluster.Node) bool { return n.LogSays(setAside) }
		if len(r.Cluster.Running()) < len(r.Cluster.Nodes) || slices.ContainsFunc(r.Cluster.Nodes, damaged) {
			return nil
		}
		if _, err := r.Cluster.Node(1).Topic(ctx, topic); errors.Is(err, kerr.UnknownTopicOrPartition) && r.Cluster.Node(1).Ready(ctx) == nil {
			return nil // even the metadata are lost
		}
		topics, err := r.Cluster.Admin().ListEndOffsets(ctx, topic)
		if err != nil {
			return err
		}
		end, ok := topics.Lookup(topic, 0)
		switch {
		case !ok || end.Err != nil:
			return errors.Join(errors.New("no leader tells the end"), end.Err)
		case end.Offset < records:
			t.Logf("%d of %d records are left", end.Offset, records)
		case end.Offset >= records:
			t.Fatalf("%d records were acknowledged by nodes whose syncs do nothing, all lost power, and %d are there", records, end.Offset)
		}
		return nil
	})
}
