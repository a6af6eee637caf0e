//go:build !race

package api_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// requested sends a request and takes the answer apart.
func requested[R any](c *cluster, r kmsg.Request) R {
	c.Helper()
	got, err := c.Request(c.ctx, r)
	if err != nil {
		c.Fatalf("%T: %v", r, err)
	}
	return got.(any).(R)
}

// Clients that ask what they may do are told all of it, as by a Kafka broker without an authorizer;
// the bits were compared with Kafka 4.4.
func TestAuthorizedOperations(t *testing.T) {
	c := newCluster(t, nil)
	m := kmsg.NewPtrMetadataRequest()
	m.IncludeTopicAuthorizedOperations = true
	if got := requested[*kmsg.MetadataResponse](c, m); got.Topics[0].AuthorizedOperations != 3576 {
		t.Errorf("of a topic: %d", got.Topics[0].AuthorizedOperations)
	}
	d := kmsg.NewPtrDescribeClusterRequest()
	d.IncludeClusterAuthorizedOperations = true
	if got := requested[*kmsg.DescribeClusterResponse](c, d); got.ClusterAuthorizedOperations != 8096 {
		t.Errorf("of the cluster: %d", got.ClusterAuthorizedOperations)
	}
	if got := requested[*kmsg.DescribeClusterResponse](c, kmsg.NewPtrDescribeClusterRequest()); got.ClusterAuthorizedOperations != -2147483648 {
		t.Errorf("who did not ask is told %d", got.ClusterAuthorizedOperations)
	}
}

// What needs security, transactions or quotas is answered as Kafka does where they are off.
func TestAnswersOfABrokerWithoutSecurity(t *testing.T) {
	c := newCluster(t, nil)
	if got := requested[*kmsg.DescribeACLsResponse](c, kmsg.NewPtrDescribeACLsRequest()); got.ErrorCode != kerr.SecurityDisabled.Code {
		t.Errorf("ACLs: %+v", got)
	}
	create := kmsg.NewPtrCreateACLsRequest()
	create.Creations = make([]kmsg.CreateACLsRequestCreation, 2)
	if got := requested[*kmsg.CreateACLsResponse](c, create); len(got.Results) != 2 || got.Results[1].ErrorCode != kerr.SecurityDisabled.Code {
		t.Errorf("new ACLs: %+v", got)
	}
	if got := requested[*kmsg.DescribeDelegationTokenResponse](c, kmsg.NewPtrDescribeDelegationTokenRequest()); got.ErrorCode != kerr.DelegationTokenAuthDisabled.Code {
		t.Errorf("tokens: %+v", got)
	}
	if got := requested[*kmsg.DescribeClientQuotasResponse](c, kmsg.NewPtrDescribeClientQuotasRequest()); got.ErrorCode != 0 || len(got.Entries) != 0 {
		t.Errorf("quotas: %+v", got)
	}
	users := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	for _, name := range []string{"a", "b", "a"} {
		users.Users = append(users.Users, kmsg.DescribeUserSCRAMCredentialsRequestUser{Name: name})
	}
	if got := requested[*kmsg.DescribeUserSCRAMCredentialsResponse](c, users); len(got.Results) != 2 ||
		got.Results[0].ErrorCode != kerr.DuplicateResource.Code || got.Results[1].ErrorCode != kerr.ResourceNotFound.Code {
		t.Errorf("users: %+v", got)
	}
	list := kmsg.NewPtrListTransactionsRequest()
	list.StateFilters = []string{"Ongoing", "nonsense"}
	if got := requested[*kmsg.ListTransactionsResponse](c, list); got.ErrorCode != 0 || len(got.TransactionStates) != 0 ||
		len(got.UnknownStateFilters) != 1 || got.UnknownStateFilters[0] != "nonsense" {
		t.Errorf("transactions: %+v", got)
	}
	gone := kmsg.NewPtrUnregisterBrokerRequest()
	gone.BrokerID = 77
	if got := requested[*kmsg.UnregisterBrokerResponse](c, gone); got.ErrorCode != kerr.BrokerIDNotRegistered.Code {
		t.Errorf("a broker that is not there: %+v", got)
	}
}

// Partitions are told a page at a time, and the cursor leads through all of them once.
func TestPartitionsAreDescribedInPages(t *testing.T) {
	c := newCluster(t, nil)
	more := kmsg.NewPtrCreatePartitionsRequest()
	wanted := kmsg.NewCreatePartitionsRequestTopic()
	wanted.Topic, wanted.Count = c.topic, 5
	more.Topics, more.TimeoutMillis = append(more.Topics, wanted), 10_000
	if got := requested[*kmsg.CreatePartitionsResponse](c, more); got.Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v", got)
	}
	r := kmsg.NewPtrDescribeTopicPartitionsRequest()
	r.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: c.topic}, {Topic: "missing"}, {Topic: c.topic}}
	r.ResponsePartitionLimit = 2
	seen := make(map[int32]int)
	for page := 0; ; page++ {
		got := requested[*kmsg.DescribeTopicPartitionsResponse](c, r)
		count := 0
		for _, topic := range got.Topics {
			if *topic.Topic == "missing" {
				if page > 0 || topic.ErrorCode != kerr.UnknownTopicOrPartition.Code {
					t.Errorf("page %d: %+v", page, topic)
				}
				continue
			}
			for _, p := range topic.Partitions {
				seen[p.Partition]++
				count++
			}
		}
		if count > 2 || page > 3 {
			t.Fatalf("page %d has %d partitions", page, count)
		}
		if got.NextCursor == nil {
			break
		}
		r.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: got.NextCursor.Topic, Partition: got.NextCursor.Partition}
	}
	if len(seen) != 5 || seen[0] != 1 || seen[4] != 1 {
		t.Errorf("partitions seen: %v", seen)
	}
}

// Topics and brokers are listed by type; a type that nothing is of is refused.
func TestConfigResourcesAreListed(t *testing.T) {
	c := newCluster(t, nil)
	got := requested[*kmsg.ListConfigResourcesResponse](c, kmsg.NewPtrListConfigResourcesRequest())
	types := make(map[int8]string)
	for _, r := range got.ConfigResources {
		types[r.Type] += r.Name
	}
	if types[2] != "t" || types[4] != "1" || types[8] != "1" || len(types) != 3 {
		t.Errorf("%v", types)
	}
	r := kmsg.NewPtrListConfigResourcesRequest()
	r.ResourceTypes = []int8{3}
	if got := requested[*kmsg.ListConfigResourcesResponse](c, r); got.ErrorCode != kerr.UnsupportedVersion.Code {
		t.Errorf("a type that is none: %+v", got)
	}
}

// A client that a reused address or a load balancer brought to another node than it means is told
// to bootstrap anew.
func TestAMisroutedClientIsTold(t *testing.T) {
	c := newCluster(t, nil)
	cluster := requested[*kmsg.DescribeClusterResponse](c, kmsg.NewPtrDescribeClusterRequest()).ClusterID
	other := "another"
	for name, test := range map[string]struct {
		cluster *string
		node    int32
		want    int16
	}{
		"it says nothing":     {nil, -1, 0},
		"it is right":         {&cluster, 1, 0},
		"the cluster only":    {&cluster, -1, kerr.InvalidRequest.Code},
		"the node only":       {nil, 1, kerr.InvalidRequest.Code},
		"another node":        {&cluster, 2, kerr.RebootstrapRequired.Code},
		"another cluster":     {&other, 1, kerr.RebootstrapRequired.Code},
		"another one of both": {&other, 9, kerr.RebootstrapRequired.Code},
	} {
		r := kmsg.NewPtrApiVersionsRequest()
		r.ClientSoftwareName, r.ClientSoftwareVersion, r.ClusterID, r.NodeID = "test", "1", test.cluster, test.node
		got, err := c.SeedBrokers()[0].Request(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if code := got.(*kmsg.ApiVersionsResponse).ErrorCode; code != test.want {
			t.Errorf("%s: %d, want %d", name, code, test.want)
		}
	}
}

// Kafka's own features are told, and cannot be set to what the build has not.
func TestKafkasFeatures(t *testing.T) {
	c := newCluster(t, nil)
	got := requested[*kmsg.ApiVersionsResponse](c, kmsg.NewPtrApiVersionsRequest())
	supported, finalized := make(map[string]int16), make(map[string]int16)
	for _, f := range got.SupportedFeatures {
		supported[f.Name] = f.MaxVersion
	}
	for _, f := range got.FinalizedFeatures {
		finalized[f.Name] = f.MaxVersionLevel
	}
	if supported["metadata.version"] != 33 || finalized["metadata.version"] != 33 || finalized["troupe.version"] != metadata.Features[metadata.ClusterVersion].Max {
		t.Errorf("supported %v, finalized %v", supported, finalized)
	}
	if _, ok := supported["group.version"]; !ok {
		t.Errorf("group.version is not told of: %v", supported)
	}
	for name, test := range map[string]struct {
		feature string
		level   int16
		want    int16
	}{
		"what it is":  {"metadata.version", 33, 0},
		"another":     {"group.version", 1, kerr.InvalidUpdateVersion.Code},
		"no such one": {"nonsense", 1, kerr.InvalidUpdateVersion.Code},
	} {
		r := kmsg.NewPtrUpdateFeaturesRequest()
		u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		u.Feature, u.MaxVersionLevel, u.UpgradeType = test.feature, test.level, 1
		r.FeatureUpdates = append(r.FeatureUpdates, u)
		if got := requested[*kmsg.UpdateFeaturesResponse](c, r); got.ErrorCode != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// described asks for settings of a resource.
func (c *cluster) described(kind kmsg.ConfigResourceType, name string, settings ...string) kmsg.DescribeConfigsResponseResource {
	c.Helper()
	r := kmsg.NewPtrDescribeConfigsRequest()
	want := kmsg.NewDescribeConfigsRequestResource()
	want.ResourceType, want.ResourceName, want.ConfigNames = kind, name, settings
	r.Resources, r.IncludeSynonyms, r.IncludeDocumentation = append(r.Resources, want), true, true
	return requested[*kmsg.DescribeConfigsResponse](c, r).Resources[0]
}

// alters sets one setting and returns the error code.
func (c *cluster) alters(kind kmsg.ConfigResourceType, resource, name string, op kmsg.IncrementalAlterConfigOp, value string) int16 {
	c.Helper()
	r := kmsg.NewPtrIncrementalAlterConfigsRequest()
	want, config := kmsg.NewIncrementalAlterConfigsRequestResource(), kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Op, config.Value = name, op, &value
	want.ResourceType, want.ResourceName, want.Configs = kind, resource, append(want.Configs, config)
	r.Resources = append(r.Resources, want)
	return requested[*kmsg.IncrementalAlterConfigsResponse](c, r).Resources[0].ErrorCode
}

// What Kafka's tools look for among a broker's settings is there: what the node was started with,
// what can be set while it runs, and, marked so, what has no effect. Settings that nothing here
// knows are kept and not shown.
func TestABrokersSettings(t *testing.T) {
	c := newCluster(t, nil)
	const broker, set = kmsg.ConfigResourceTypeBroker, kmsg.IncrementalAlterConfigOpSet
	all := make(map[string]kmsg.DescribeConfigsResponseResourceConfig)
	for _, config := range c.described(broker, "1").Configs {
		all[config.Name] = config
	}
	for name, want := range map[string]string{"node.id": "1", "listeners": "PLAINTEXT://" + c.address, "process.roles": "broker,controller"} {
		if got := all[name]; got.Value == nil || *got.Value != want || got.Source != kmsg.ConfigSourceStaticBrokerConfig {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := all["num.replica.fetchers"]; got.Documentation == nil || *got.Documentation != "Accepted for Kafka's tools and files; without effect." {
		t.Errorf("what has no effect is not marked: %+v", got)
	}
	for name, test := range map[string]struct {
		setting, value string
		want           int16
	}{
		"dynamic":    {"log.cleaner.backoff.ms", "20000", 0},
		"unknown":    {"foo.bar", "secret", 0},
		"static":     {"num.partitions", "2", kerr.InvalidRequest.Code},
		"wrong":      {"message.max.bytes", "-4", kerr.InvalidRequest.Code},
		"too long":   {strings.Repeat("x", 250), "1", kerr.InvalidConfig.Code},
		"too large":  {"foo.large", strings.Repeat("x", 4097), kerr.InvalidConfig.Code},
		"nameless":   {"", "1", kerr.InvalidRequest.Code},
		"no effect":  {"num.network.threads", "4", 0},
		"wrong type": {"log.cleaner.backoff.ms", "often", kerr.InvalidRequest.Code},
	} {
		if got := c.alters(broker, "1", test.setting, set, test.value); got != test.want {
			t.Errorf("%s (%s): %d, want %d", name, test.setting, got, test.want)
		}
	}
	kept := c.described(broker, "1", "foo.bar").Configs
	if len(kept) != 1 || kept[0].Value != nil || !kept[0].IsSensitive {
		t.Errorf("an unknown setting: %+v", kept)
	}
	for i := range 110 {
		if code := c.alters(broker, "1", "foo."+strconv.Itoa(i), set, "1"); code != 0 {
			if i < 99 || code != kerr.InvalidConfig.Code {
				t.Errorf("unknown setting %d: %d", i, code)
			}
			return
		}
	}
	t.Error("unknown settings without end are kept")
}

// The synonyms of a topic's setting are those of the broker by the broker's name.
func TestSynonymsNameTheBrokersSetting(t *testing.T) {
	c := newCluster(t, map[string]string{"cleanup.policy": "compact"})
	got := c.described(kmsg.ConfigResourceTypeTopic, "t", "cleanup.policy", "max.message.bytes").Configs
	names := make(map[string]bool)
	for _, config := range got {
		for _, s := range config.ConfigSynonyms {
			names[s.Name] = true
		}
	}
	if !names["cleanup.policy"] || !names["log.cleanup.policy"] || !names["message.max.bytes"] || names["max.message.bytes"] {
		t.Errorf("synonyms %v", names)
	}
}

// The level of what is logged is a configuration of BROKER_LOGGER, and really changes.
func TestLogLevelsAreConfigurations(t *testing.T) {
	c := newCluster(t, nil)
	const logger, set = kmsg.ConfigResourceTypeBrokerLogger, kmsg.IncrementalAlterConfigOpSet
	level := func() string {
		configs := c.described(logger, "1").Configs
		if len(configs) != 1 || configs[0].Name != "root" {
			t.Fatalf("%+v", configs)
		}
		return *configs[0].Value
	}
	if level() != "ERROR" {
		t.Errorf("it begins at %s", level())
	}
	for _, test := range []struct {
		resource, name, value string
		op                    kmsg.IncrementalAlterConfigOp
		want                  int16
	}{
		{"1", "root", "DEBUG", set, 0},
		{"1", "root", "LOUD", set, kerr.InvalidConfig.Code},
		{"1", "kafka.server", "INFO", set, kerr.InvalidConfig.Code},
		{"1", "root", "", kmsg.IncrementalAlterConfigOpDelete, kerr.InvalidRequest.Code},
		{"1", "root", "INFO", kmsg.IncrementalAlterConfigOpAppend, kerr.InvalidRequest.Code},
		{"", "root", "INFO", set, kerr.InvalidRequest.Code},
	} {
		if got := c.alters(logger, test.resource, test.name, test.op, test.value); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
	if level() != "DEBUG" {
		t.Errorf("it is %s", level())
	}
}

// The producers that a partition remembers are told with their epoch and last sequence, here and
// nowhere else.
func TestProducersAreDescribed(t *testing.T) {
	c := newCluster(t, nil)
	producer, err := kgo.NewClient(kgo.SeedBrokers(c.address), kgo.DefaultProduceTopic(c.topic))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for range 3 {
		if err := producer.ProduceSync(c.ctx, &kgo.Record{Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	own, epoch, err := producer.ProducerID(c.ctx)
	if err != nil {
		t.Fatal(err)
	}
	r := kmsg.NewPtrDescribeProducersRequest()
	r.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: c.topic, Partitions: []int32{0, 9}}, {Topic: "missing", Partitions: []int32{0}}}
	raw, err := c.SeedBrokers()[0].Request(c.ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	got := raw.(*kmsg.DescribeProducersResponse)
	there := got.Topics[0].Partitions[0]
	if there.ErrorCode != 0 || len(there.ActiveProducers) != 1 {
		t.Fatalf("%+v", there)
	}
	if p := there.ActiveProducers[0]; p.ProducerID != own || p.ProducerEpoch != int32(epoch) || p.LastSequence != 2 || p.CurrentTxnStartOffset != -1 {
		t.Errorf("%+v, want producer %d in epoch %d", p, own, epoch)
	}
	if got.Topics[0].Partitions[1].ErrorCode != kerr.UnknownTopicOrPartition.Code || got.Topics[1].Partitions[0].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("what is not there: %+v", got)
	}
}
