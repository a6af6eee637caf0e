package broker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/actors/broker"
	"github.com/troupe-mq/troupe/storage/memory"
)

// alone starts a broker that has no business with others, its data in a store in memory.
func alone(t *testing.T, s *memory.Store, change func(*broker.Config)) *broker.Broker {
	t.Helper()
	c := config(1, t.TempDir())
	c.World = broker.Within(broker.InMemory(s), broker.NewNetwork(), 1)
	if change != nil {
		change(&c)
	}
	b, err := broker.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ready(t, b)
	return b
}

// A broker whose store fails tells so once, at once, stops itself and leaves nothing.
func TestABrokenBrokerStopsItself(t *testing.T) {
	left := nothingLeft(t)
	for range 3 {
		s, told := memory.New(), atomic.Int64{}
		b := alone(t, s, func(c *broker.Config) {
			c.Broken = func(error) { told.Add(1) }
		})
		if err := b.Err(); err != nil {
			t.Errorf("it runs, and says why it ended: %v", err)
		}
		cause := errors.New("the disk burns")
		s.Fail(cause)
		client, err := kgo.NewClient(kgo.SeedBrokers(b.Addresses().Kafka[0].Advertised), kgo.AllowAutoTopicCreation())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		acknowledged := make(chan error, 1)
		go func() {
			acknowledged <- client.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr()
		}()
		select {
		case <-b.Done():
		case <-time.After(patience):
			t.Fatal("it goes on")
		}
		if !errors.Is(b.Err(), cause) || told.Load() != 1 {
			t.Errorf("it ended over %v, and told so %d times", b.Err(), told.Load())
		}
		if err := b.Stop(ctx); !errors.Is(err, cause) {
			t.Errorf("stopped once more: %v", err)
		}
		cancel()
		client.Close()
		if err := <-acknowledged; err == nil {
			t.Error("it acknowledged what it did not write")
		}
	}
	left()
}

// What is not started as a whole is not started, and nothing of it is left.
func TestAStartThatFailsLeavesNothing(t *testing.T) {
	left := nothingLeft(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := taken.Addr().String()
	for what, change := range map[string]func(*broker.Config){
		"HTTP":         func(c *broker.Config) { c.HTTP = at },
		"Kafka":        func(c *broker.Config) { c.Node.Listeners[0].Listen = at },
		"no listeners": func(c *broker.Config) { c.Node.Listeners = nil },
	} {
		c := config(1, t.TempDir())
		c.World = broker.Within(broker.InMemory(memory.New()), broker.NewNetwork(), 1)
		change(&c)
		if b, err := broker.Start(t.Context(), c); err == nil || b != nil {
			t.Errorf("%s: it started", what)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := broker.Start(over, config(1, t.TempDir())); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is over: %v", err)
	}
	taken.Close()
	left()
}

// A broker need not be seen over HTTP.
func TestABrokerWithoutHTTP(t *testing.T) {
	b := alone(t, memory.New(), func(c *broker.Config) { c.HTTP = "" })
	if at := b.Addresses().HTTP; at != "" {
		t.Errorf("HTTP is served at %s", at)
	}
	use(t, b)
	stop(t, b)
}

// Every port that is free is told, with what others are to use.
func TestAddressesAreTold(t *testing.T) {
	b := alone(t, memory.New(), func(c *broker.Config) {
		second := c.Node.Listeners[0]
		second.Name, second.AdvertisedHost = "SECOND", "broker.example"
		third := second
		third.Name, third.AdvertisedHost, third.AdvertisedPort = "THIRD", "outside.example", 19092
		fourth := second
		fourth.Name, fourth.Listen, fourth.AdvertisedHost = "FOURTH", ":0", ""
		c.Node.Listeners = append(c.Node.Listeners, second, third, fourth)
	})
	defer stop(t, b)
	at := b.Addresses()
	for i, host := range []string{"127.0.0.1", "broker.example", "outside.example", "localhost"} {
		told := at.Kafka[i]
		_, port, err := net.SplitHostPort(told.Listen)
		if err != nil || port == "0" {
			t.Errorf("%s listens on %s", told.Name, told.Listen)
		}
		if host == "outside.example" {
			port = "19092"
		}
		if want := fmt.Sprintf("%s:%s", host, port); told.Advertised != want {
			t.Errorf("%s is advertised as %s, want %s", told.Name, told.Advertised, want)
		}
	}
	resp, err := http.Get("http://" + at.HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); !strings.Contains(string(text), "troupe_") {
		t.Errorf("metrics say %.200s", text)
	}
	http.DefaultClient.CloseIdleConnections()
}

// A broker that was stopped finds its data again, and tells the same cluster.
func TestABrokerStartsAgain(t *testing.T) {
	s := memory.New()
	b := alone(t, s, nil)
	cluster := b.Node().Image().ClusterID
	use(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Kill(ctx); err != nil {
		t.Error(err)
	}
	b = alone(t, s, nil)
	defer stop(t, b)
	if got := b.Node().Image().ClusterID; got != cluster {
		t.Errorf("it is of cluster %q, was of %q", got, cluster)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addresses().Kafka[0].Advertised), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if got := client.PollRecords(ctx, 1); got.Err() != nil || got.NumRecords() != 1 {
		t.Errorf("%d records, %v", got.NumRecords(), got.Err())
	}
}
