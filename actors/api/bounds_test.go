package api

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// bounded is a cluster of three nodes that may hold so many replicas each.
type bounded struct {
	*operated
	most int
}

func (b *bounded) MostReplicas() int { return b.most }

func (b *bounded) SessionBytes() int64 { return 1 << 20 }

func (b *bounded) Setting(name string) string {
	v, _ := metadata.BrokerDefault(name)
	return v
}

func (b *bounded) TopicSetting(_ *metadata.Topic, name string) string {
	return metadata.TopicConfigOf(name).Default
}

func (b *bounded) Self() metadata.NodeID        { return 1 }
func (b *bounded) Static(string) (string, bool) { return "", false }
func (b *bounded) MetaLeader() metadata.NodeID  { return 1 }

func (b *bounded) Place(topic string, n, replicas int) ([][]metadata.NodeID, error) {
	return supervisor.Place(b.Image(), b.Alive, topic, n, replicas)
}

// answer has one handler answer one request; it fails the test if no answer comes.
func answer[R kmsg.Response](t *testing.T, c Cluster, handle func(*Call), body kmsg.Request) R {
	t.Helper()
	p := server.NewPending()
	closed := make(chan struct{})
	t.Cleanup(func() { close(closed) })
	handle(&Call{
		Request: &server.Request{Body: body, Client: sender("10.0.0.1:1"), Connection: &server.Connection{Closed: closed, Values: map[string]any{}}},
		Cluster: c, log: slog.New(slog.DiscardHandler), pending: p,
	})
	select {
	case <-p.Ready():
		return p.Response().(R)
	case <-time.After(time.Minute):
		t.Fatalf("%T is not answered within a minute", body)
		panic("not reached")
	}
}

// sender is the address of a client.
type sender string

func (s sender) Network() string { return "tcp" }
func (s sender) String() string  { return string(s) }

// creation asks for topics of n partitions each.
func creation(names []string, n int32, replicas int16) *kmsg.CreateTopicsRequest {
	r := kmsg.NewPtrCreateTopicsRequest()
	r.Version, r.TimeoutMillis, r.ValidateOnly = 7, 1000, true
	for _, name := range names {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, n, replicas
		r.Topics = append(r.Topics, t)
	}
	return r
}

func TestPartitionsAreBoundedBeforeTheyArePlaced(t *testing.T) {
	c := &bounded{operate(t, 3), 1000}
	for _, one := range []struct {
		names    []string
		n        int32
		replicas int16
		want     *kerr.Error
		text     string
	}{
		{[]string{"one"}, 1<<31 - 1, 1, kerr.PolicyViolation, "per request"},
		{[]string{"one", "two"}, 5001, 1, kerr.PolicyViolation, "per request"},
		// with the one that is there more than 3,000 replicas
		{[]string{"one"}, 1000, 3, kerr.PolicyViolation, "memory"},
		{[]string{"one"}, 999, 3, nil, ""},
		{[]string{"one"}, 0, 1, kerr.InvalidPartitions, ""},
		{[]string{"one"}, -2, 1, kerr.InvalidPartitions, ""},
	} {
		r := answer[*kmsg.CreateTopicsResponse](t, c, createTopics, creation(one.names, one.n, one.replicas))
		for _, topic := range r.Topics {
			says(t, fmt.Sprintf("%v of %d", one.names, one.n), told(topic.ErrorCode, topic.ErrorMessage), one.want, one.text)
		}
	}
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.Version, grow.TimeoutMillis, grow.ValidateOnly = 3, 1000, true
	more := kmsg.NewCreatePartitionsRequestTopic()
	more.Topic = "t"
	for count, text := range map[int32]string{1<<31 - 1: "per request", 1001: "memory", 1000: ""} {
		more.Count = count
		grow.Topics = []kmsg.CreatePartitionsRequestTopic{more}
		got := answer[*kmsg.CreatePartitionsResponse](t, c, createPartitions, grow).Topics[0]
		want := kerr.PolicyViolation
		if text == "" {
			want = nil
		}
		says(t, fmt.Sprintf("t of %d", count), told(got.ErrorCode, got.ErrorMessage), want, text)
	}
}

// told is the error of an answer.
func told(code int16, message *string) error {
	if code == 0 {
		return nil
	}
	text := ""
	if message != nil {
		text = *message
	}
	return fmt.Errorf("%w %s", kerr.ErrorForCode(code), text)
}

func TestWhatIsAskedForTwiceIsAnsweredOnce(t *testing.T) {
	c := &bounded{operate(t, 3), 1000}
	const times = 5000
	configs := kmsg.NewPtrDescribeConfigsRequest()
	configs.Version = 4
	topics := kmsg.NewPtrMetadataRequest()
	topics.Version = 12
	elect := kmsg.NewPtrElectLeadersRequest()
	elect.Version, elect.TimeoutMillis = 2, 1000
	for range times {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, "t"
		configs.Resources = append(configs.Resources, resource)
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr("t")
		topics.Topics = append(topics.Topics, topic)
		election := kmsg.NewElectLeadersRequestTopic()
		election.Topic, election.Partitions = "t", []int32{0, 0}
		elect.Topics = append(elect.Topics, election)
	}
	if n := len(answer[*kmsg.DescribeConfigsResponse](t, c, describeConfigs, configs).Resources); n != 1 {
		t.Errorf("the configs of a topic are told %d times", n)
	}
	if n := len(answer[*kmsg.MetadataResponse](t, c, clusterMetadata, topics).Topics); n != 1 {
		t.Errorf("a topic is described %d times", n)
	}
	if answer[*kmsg.ElectLeadersResponse](t, c, electLeaders, elect); len(c.asked) != 1 {
		t.Errorf("a leadership was handed over %d times", len(c.asked))
	}
}

func TestPartsOfARequestAreWorkedOnSomeAtATime(t *testing.T) {
	var now, most, all atomic.Int64
	inParts(actors.Goroutines{}, 1000, func(int) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		all.Add(1)
		now.Add(-1)
	})
	if all.Load() != 1000 || most.Load() > mostAtOnce {
		t.Errorf("%d parts were worked on, up to %d at a time", all.Load(), most.Load())
	}
}

func TestDistinctKeepsTheFirstInOrder(t *testing.T) {
	got := distinct([]int{3, 1, 3, 2, 1}, func(n int) int { return n })
	if !slices.Equal(got, []int{3, 1, 2}) {
		t.Errorf("%v", got)
	}
	if distinct[int](nil, func(n int) int { return n }) != nil {
		t.Error("no elements are not null any more")
	}
}

// late is a cluster in which all time is up at once. It counts the topics that it finds a place
// for.
type late struct {
	*bounded
	placed int
}

type noTime struct{ actors.Goroutines }

func (noTime) Timeout(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx, cancel
}

func (l *late) Runtime() actors.Runtime { return noTime{} }

func (l *late) MetaLeader() metadata.NodeID { return 1 }

func (l *late) Place(topic string, n, replicas int) ([][]metadata.NodeID, error) {
	l.placed++
	return l.bounded.Place(topic, n, replicas)
}

// A request that has topics created, however many it names, ends with its time: clients ask for the
// rest again.
func TestTopicsAreNotPlannedWhenTheTimeIsUp(t *testing.T) {
	l := &late{bounded: &bounded{operate(t, 3), 1000}}
	r := kmsg.NewPtrMetadataRequest()
	r.Version, r.AllowAutoTopicCreation = 9, true
	for i := range 100 {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(fmt.Sprint("new", i))
		r.Topics = append(r.Topics, topic)
	}
	got := answer[*kmsg.MetadataResponse](t, l, clusterMetadata, r)
	if l.placed > 0 || len(got.Topics) != 100 || got.Topics[99].ErrorCode != kerr.LeaderNotAvailable.Code {
		t.Errorf("%d topics are placed, the last of %d is told %v", l.placed, len(got.Topics), kerr.ErrorForCode(got.Topics[99].ErrorCode))
	}
}
