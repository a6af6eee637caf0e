package api

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// allowing is an authorizer that allows what a function says, and what that implies as in Kafka.
type allowing func(Right) bool

func (f allowing) Allows(_ access.Client, o access.Operation, r access.Resource) bool {
	return f.any(o, r.Kind)
}

func (f allowing) AllowsAny(_ access.Client, o access.Operation, k access.Kind) bool {
	return f.any(o, k)
}

func (f allowing) any(o access.Operation, k access.Kind) bool {
	implied := map[access.Operation][]access.Operation{
		access.Describe:        {access.Read, access.Write, access.Delete, access.Alter},
		access.DescribeConfigs: {access.AlterConfigs},
	}
	return f(Right{o, k}) || slices.ContainsFunc(implied[o], func(o access.Operation) bool { return f(Right{o, k}) })
}

// guarded is a cluster of which no replica is here, and which notes what is done to it.
type guarded struct {
	*bounded
	leveled bool
}

func (g *guarded) Replica(storage.ShardID) *replica.Ref                { return nil }
func (g *guarded) Disk(context.Context) Disk                           { return Disk{Dir: "d"} }
func (g *guarded) LogLevel() string                                    { return "info" }
func (g *guarded) SetLogLevel(string)                                  { g.leveled = true }
func (g *guarded) Leadership(storage.ShardID) Leadership               { return Leadership{Node: -1} }
func (g *guarded) AwaitLeaderships(context.Context, func() bool) error { return nil }

func (g *guarded) Standing(context.Context, storage.ShardID) (Standing, error) {
	return Standing{}, protocol.Errorf(kerr.RequestTimedOut, "")
}

// coordinated coordinates all groups at once, and counts who asks.
type coordinated struct {
	core  *group.Coordinator
	asked int
}

func (c *coordinated) Do(_ string, run Command, _ func(*protocol.Error)) {
	c.asked++
	run(1, c.core)
	c.core.Committed(1, len(c.core.TakeWrites()))
}

func (c *coordinated) Sure(id string, run Command, refuse func(*protocol.Error)) {
	c.Do(id, run, refuse)
}

func (c *coordinated) Each(run Command, refuse func(*protocol.Error)) int {
	c.Do("", run, refuse)
	return 1
}

// filled gives a request's arrays an element each, its strings the name of the topic, and topics'
// ids that topic's.
func filled(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("t")
	case reflect.Pointer:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.ValueOf(kmsg.StringPtr("t")))
		}
	case reflect.Array:
		v.Index(0).SetUint(1)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Name != "UnknownTags" {
				filled(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			filled(v.Index(0))
		}
	}
}

// reaching returns a request that comes as far as everything that its API needs.
func reaching(a *API) kmsg.Request {
	r := kmsg.RequestForKey(int16(a.Key))
	filled(reflect.ValueOf(r).Elem())
	r.SetVersion(a.Max)
	topic, broker, logger := kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger
	level := kmsg.StringPtr("DEBUG")
	switch r := r.(type) {
	case *kmsg.ProduceRequest:
		r.TransactionID, r.Acks = nil, -1
	case *kmsg.InitProducerIDRequest:
		r.TransactionalID = nil
	case *kmsg.FetchRequest:
		r.SessionEpoch, r.SessionID, r.ForgottenTopics = -1, 0, nil
	case *kmsg.OffsetFetchRequest:
		r.Groups[0].MemberID, r.Groups[0].MemberEpoch = nil, -1
	case *kmsg.DescribeConfigsRequest:
		r.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: topic, ResourceName: "t"}, {ResourceType: broker, ResourceName: "1"}, {ResourceType: logger, ResourceName: "1"}}
	case *kmsg.AlterConfigsRequest:
		r.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: topic, ResourceName: "t"}, {ResourceType: broker, ResourceName: "1"}}
	case *kmsg.IncrementalAlterConfigsRequest:
		r.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: topic, ResourceName: "t"}, {ResourceType: broker, ResourceName: "1"},
			{ResourceType: logger, ResourceName: "1", Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "root", Value: level}}}}
	case *kmsg.CreateTopicsRequest:
		r.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "new", NumPartitions: 1, ReplicationFactor: 1}}
		r.TimeoutMillis = 1000
	case *kmsg.CreatePartitionsRequest:
		r.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: 2}}
	case *kmsg.UnregisterBrokerRequest:
		r.BrokerID = 1
	case *kmsg.AlterReplicaLogDirsRequest:
		r.Dirs[0].Dir = "d"
	case *kmsg.AlterPartitionAssignmentsRequest:
		r.Topics[0].Partitions[0].Replicas = []int32{1, 2, 4}
	}
	return r
}

// codes are the errors anywhere in an answer.
func codes(v reflect.Value) (all []int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return codes(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "ErrorCode" {
				all = append(all, int16(v.Field(i).Int()))
			}
			all = append(all, codes(v.Field(i))...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, codes(v.Index(i))...)
		}
	}
	return all
}

// denials are what Kafka answers, by the kind of resource.
var denials = map[access.Kind]*kerr.Error{
	access.Topic: kerr.TopicAuthorizationFailed, access.Group: kerr.GroupAuthorizationFailed,
	access.Cluster: kerr.ClusterAuthorizationFailed, access.TransactionalID: kerr.TransactionalIDAuthorizationFailed,
}

// answeredTo has the table answer a request of an API for a client with some rights.
func answeredTo(t *testing.T, a *API, rights allowing) (kmsg.Response, *guarded, *coordinated) {
	t.Helper()
	c, groups := &guarded{bounded: &bounded{operate(t, 4), 1000}}, &coordinated{core: group.New(group.Config{MaxMetadataBytes: 10, MaxSessionTimeoutMS: 1000}, func() string { return "m" })}
	c.rights = rights
	p, closed := server.NewPending(), make(chan struct{})
	t.Cleanup(func() { close(closed) })
	NewTable(c, groups, slog.New(slog.DiscardHandler)).Handle(&server.Request{
		Body: reaching(a), Client: sender("10.0.0.1:1"), Connection: &server.Connection{Closed: closed, Values: map[string]any{}},
	}, p)
	select {
	case <-p.Ready():
	case <-time.After(time.Minute):
		t.Fatalf("%s is not answered within a minute", a.Key.Name())
	}
	return p.Response(), c, groups
}

// hiding are the APIs that leave out what may not be told, without an error.
var hiding = []kmsg.Key{kmsg.ListGroups, kmsg.ListTransactions}

// Of each API everything that the table says it needs is needed: who lacks it gets Kafka's error
// and has changed nothing.
func TestWhatIsNotAllowedIsRefused(t *testing.T) {
	for i := range apis {
		a := &apis[i]
		for _, need := range a.Needs {
			if slices.Contains(hiding, a.Key) {
				continue
			}
			t.Run(fmt.Sprint(a.Key.Name(), need), func(t *testing.T) {
				r, c, groups := answeredTo(t, a, func(r Right) bool {
					return !slices.ContainsFunc(need, func(n Right) bool { return n.Kind == r.Kind })
				})
				want := denials[need[len(need)-1].Kind]
				if a.Key == kmsg.InitProducerID {
					want = kerr.ClusterAuthorizationFailed
				}
				if got := codes(reflect.ValueOf(r)); !slices.Contains(got, want.Code) {
					t.Errorf("the codes are %v, want %d (%s): %+v", got, want.Code, want.Message, r)
				}
				if need[0].Kind == access.Group && groups.asked > 0 {
					t.Error("the group's coordinator was asked")
				}
				whole := len(a.Needs) == 1
				if fresh := operate(t, 4).Image(); whole && c.Image().Index != fresh.Index || c.asked != nil || whole && c.leveled {
					t.Error("something has changed")
				}
			})
		}
	}
}

// Nothing is needed that the table does not say.
func TestWhatIsAllowedIsDone(t *testing.T) {
	for i := range apis {
		a := &apis[i]
		for alternative := range 2 {
			r, _, _ := answeredTo(t, a, func(r Right) bool {
				return slices.ContainsFunc(a.Needs, func(n Need) bool { return n[min(alternative, len(n)-1)] == r })
			})
			for _, denied := range denials {
				if slices.Contains(codes(reflect.ValueOf(r)), denied.Code) {
					t.Errorf("%s by alternative %d of %v: %s in %+v", a.Key.Name(), alternative, a.Needs, denied.Message, r)
				}
			}
		}
	}
}

// Who may not describe a topic is told the same of it, whether it is there or not, and not of it
// when asking for all.
func TestTopicsAreHidden(t *testing.T) {
	c := &guarded{bounded: &bounded{operate(t, 3), 1000}}
	c.rights = allowing(func(r Right) bool { return r.Kind != access.Topic })
	r := kmsg.NewPtrMetadataRequest()
	r.Version, r.AllowAutoTopicCreation = 9, true
	for _, name := range []string{"t", "nope"} {
		r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	}
	r.IncludeTopicAuthorizedOperations, r.IncludeClusterAuthorizedOperations = true, true
	got := answer[*kmsg.MetadataResponse](t, c, clusterMetadata, r)
	for _, topic := range got.Topics {
		if topic.ErrorCode != kerr.TopicAuthorizationFailed.Code || topic.TopicID != (metadata.TopicID{}) || topic.AuthorizedOperations != noOperations {
			t.Errorf("%s: %+v", *topic.Topic, topic)
		}
	}
	if got.AuthorizedOperations != 8096 || len(got.Topics) != 2 {
		t.Errorf("%+v", got)
	}
	r.Topics = nil
	if got := answer[*kmsg.MetadataResponse](t, c, clusterMetadata, r); len(got.Topics) != 0 {
		t.Errorf("of all topics: %+v", got.Topics)
	}
	pages := kmsg.NewPtrDescribeTopicPartitionsRequest()
	pages.ResponsePartitionLimit = 10
	if got := answer[*kmsg.DescribeTopicPartitionsResponse](t, c, describeTopicPartitions, pages); len(got.Topics) != 0 {
		t.Errorf("of all topics in pages: %+v", got.Topics)
	}
}

// A topic that is asked for is not made for who may not create it.
func TestTopicsAreNotCreatedForEverybody(t *testing.T) {
	c := &guarded{bounded: &bounded{operate(t, 3), 1000}}
	c.rights = allowing(func(r Right) bool { return r.Operation != access.Create })
	r := kmsg.NewPtrMetadataRequest()
	r.Version, r.AllowAutoTopicCreation = 9, true
	r.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("new")}}
	got := answer[*kmsg.MetadataResponse](t, c, clusterMetadata, r)
	if got.Topics[0].ErrorCode != kerr.TopicAuthorizationFailed.Code || c.Image().Topics["new"] != nil {
		t.Errorf("%+v", got.Topics)
	}
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKey = "g"
	c.rights = allowing(func(r Right) bool { return r.Kind != access.Group })
	if got := answer[*kmsg.FindCoordinatorResponse](t, c, findCoordinator, find); got.ErrorCode != kerr.GroupAuthorizationFailed.Code || c.Image().Topics[metadata.ConsumerOffsets] != nil {
		t.Errorf("%+v", got)
	}
}

// The settings of a topic that was created are for who may describe them.
func TestSettingsOfANewTopicAreHidden(t *testing.T) {
	c := &guarded{bounded: &bounded{operate(t, 3), 1000}}
	c.rights = allowing(func(r Right) bool { return r.Operation != access.DescribeConfigs && r.Operation != access.AlterConfigs })
	got := answer[*kmsg.CreateTopicsResponse](t, c, createTopics, creation([]string{"new"}, 1, 1)).Topics[0]
	if got.ErrorCode != 0 || got.ConfigErrorCode != kerr.TopicAuthorizationFailed.Code || got.NumPartitions != -1 || got.Configs != nil {
		t.Errorf("%+v", got)
	}
}

func allowed() *Call {
	o := &operated{machine: metadata.NewMachine()}
	return &Call{Request: &server.Request{From: access.Client{Principal: access.Anonymous}}, Cluster: o}
}

// BenchmarkTopic is what the way to a topic costs where everybody may do everything.
func BenchmarkTopic(b *testing.B) {
	c := allowed()
	c.Cluster.Image().Topics["t"] = &metadata.Topic{Name: "t"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Topic("t", metadata.TopicID{}, false, access.Write); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheWayToATopicMakesNoGarbage(t *testing.T) {
	c := allowed()
	c.Cluster.Image().Topics["t"] = &metadata.Topic{Name: "t"}
	if n := testing.AllocsPerRun(100, func() {
		_, _ = c.Topic("t", metadata.TopicID{}, false, access.Write)
		_ = c.ClusterWide(access.Alter)
		_ = c.Group("g", access.Read)
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
