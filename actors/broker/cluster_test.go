package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/actors/broker"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// patience is how long anything may take on a machine that is busy with other tests.
const patience = 2 * time.Minute

// config is of a broker all of whose ports are free ones.
func config(id metadata.NodeID, dir string) broker.Config {
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("TROUPE_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", id)
	}
	return broker.Config{
		Node: node.Config{
			ID: id, Dir: dir, Listeners: []node.Listener{{Name: "PLAINTEXT", Listen: "127.0.0.1:0"}},
			Control: node.Endpoint{Listen: "127.0.0.1:0"}, Bulk: node.Endpoint{Listen: "127.0.0.1:0"},
			Memory: 256 << 20, Version: "test", Logger: log,
		},
		HTTP: "127.0.0.1:0",
	}
}

// start starts a broker.
func start(t *testing.T, c broker.Config) *broker.Broker {
	t.Helper()
	c.Broken = func(err error) { t.Errorf("node %d is broken: %v", c.Node.ID, err) }
	b, err := broker.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ready waits until brokers are.
func ready(t *testing.T, all ...*broker.Broker) {
	t.Helper()
	for _, b := range all {
		select {
		case <-b.Ready():
		case <-b.Done():
			t.Fatalf("a broker has ended: %v", b.Err())
		case <-time.After(patience):
			t.Fatal("a broker is not ready")
		}
	}
}

// stop stops brokers, one after the other.
func stop(t *testing.T, all ...*broker.Broker) {
	t.Helper()
	for _, b := range all {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := b.Stop(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}
}

// use makes a topic with a replica on each of the brokers, writes a record to it, and reads it.
func use(t *testing.T, all ...*broker.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var seeds []string
	for _, b := range all {
		seeds = append(seeds, b.Addresses().Kafka[0].Advertised)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for {
		made, err := kadm.NewClient(client).CreateTopic(ctx, 1, int16(len(all)), nil, "t")
		if err == nil && made.Err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err, made.Err)
		}
	}
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	fetched := client.PollRecords(ctx, 1)
	if err := fetched.Err(); err != nil || fetched.NumRecords() != 1 || string(fetched.Records()[0].Value) != "v" {
		t.Fatalf("read %d records, %v", fetched.NumRecords(), err)
	}
}

// within starts n founders of a cluster that find each other inside the process.
func within(t *testing.T, n int, world func(metadata.NodeID) *node.World) []*broker.Broker {
	t.Helper()
	network, peers := broker.NewNetwork(), map[metadata.NodeID]remote.Address{}
	for id := range metadata.NodeID(n) {
		peers[id+1] = remote.Address{Control: fmt.Sprintf("n%d:1", id+1), Bulk: fmt.Sprintf("n%d:2", id+1)}
	}
	var all []*broker.Broker
	for id := range peers {
		c := config(id, t.TempDir())
		c.Node.Peers, c.World = peers, broker.Within(world(id), network, id)
		all = append(all, start(t, c))
	}
	ready(t, all...)
	return all
}
