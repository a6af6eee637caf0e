//go:build !race

// These tests run a whole node in the process. protoactor sets grpc's logger each time a remote
// starts, and a node starts two, while grpc reads it unguarded: under the race detector every one
// of them would fail over that.

package api_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// freePort returns a port of loopback that nobody listens on.
func freePort(t testing.TB) int32 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return int32(l.Addr().(*net.TCPAddr).Port)
}

// start runs a cluster of one node and returns it and its address.
func start(t testing.TB) (*node.Node, string) {
	t.Helper()
	local := func() string { return "127.0.0.1:" + strconv.Itoa(int(freePort(t))) }
	control, bulk, port := local(), local(), freePort(t)
	address := "127.0.0.1:" + strconv.Itoa(int(port))
	level := &slog.LevelVar{}
	level.Set(slog.LevelError)
	n, err := node.Start(node.Config{
		Level: level,
		ID:    1, Dir: t.TempDir(),
		Listeners: []node.Listener{{Name: "PLAINTEXT", Listen: address, AdvertisedHost: "127.0.0.1", AdvertisedPort: port}},
		Control:   node.Endpoint{Listen: control, Advertised: control},
		Bulk:      node.Endpoint{Listen: bulk, Advertised: bulk},
		Settings:  map[string]string{"default.replication.factor": "1"},
		Logger:    slog.New(slog.DiscardHandler),
		Fatal:     func(err error) { panic(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Stop() })
	t.Cleanup(func() { balanced(t, n) })
	select {
	case <-n.Ready():
	case <-time.After(20 * time.Second):
		t.Fatal("the node is not ready within 20 s")
	}
	return n, address
}

// balanced sees that nothing is in flight on a node whose clients are gone.
func balanced(t testing.TB, n *node.Node) {
	for end := time.Now().Add(20 * time.Second); n.Status().InFlight.Open() != "" && !t.Failed(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("no client is left, and the ledger has %s", n.Status().InFlight.Open())
		}
	}
}

// cluster is a client of a running node, and a topic of one partition.
type cluster struct {
	*testing.T
	*kgo.Client
	ctx     context.Context
	node    *node.Node
	address string
	topic   string
	id      [16]byte
}

func newCluster(t *testing.T, configs map[string]string) *cluster {
	t.Helper()
	c := &cluster{T: t, topic: "t"}
	c.node, c.address = start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	c.ctx = ctx
	client, err := kgo.NewClient(kgo.SeedBrokers(c.address), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c.Client = client
	create, topic := kmsg.NewPtrCreateTopicsRequest(), kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = c.topic, 1, 1
	for name, value := range configs {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = name, &value
		topic.Configs = append(topic.Configs, config)
	}
	create.Topics = append(create.Topics, topic)
	created, err := create.RequestWith(ctx, client)
	if err != nil || created.Topics[0].ErrorCode != 0 {
		t.Fatalf("create the topic: %v %+v", err, created)
	}
	c.id = created.Topics[0].TopicID
	return c
}

// ask sends a request to the one broker in the version that is set.
func ask[R kmsg.Response](c *cluster, r kmsg.Request) R {
	c.Helper()
	answer, err := c.Broker(1).Request(c.ctx, fixed{r, r.GetVersion()})
	if err != nil {
		c.Fatalf("%T: %v", r, err)
	}
	return answer.(R)
}

// fixed is a request that the client cannot move to another version.
type fixed struct {
	kmsg.Request
	version int16
}

func (f fixed) SetVersion(int16)            { f.Request.SetVersion(f.version) }
func (f fixed) MaxVersion() int16           { return f.version }
func (f fixed) ResponseKind() kmsg.Response { return f.Request.ResponseKind() }

// produce sends one batch and returns the partition's answer, retrying while the partition finds
// its leader.
func (c *cluster) produce(version int16, acks int16, records []byte) kmsg.ProduceResponseTopicPartition {
	c.Helper()
	for {
		r, topic, partition := kmsg.NewPtrProduceRequest(), kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
		r.Version, r.Acks, r.TimeoutMillis = version, acks, 10_000
		topic.Topic, topic.TopicID = c.topic, c.id
		partition.Records = records
		topic.Partitions = append(topic.Partitions, partition)
		r.Topics = append(r.Topics, topic)
		p := ask[*kmsg.ProduceResponse](c, r).Topics[0].Partitions[0]
		if p.ErrorCode != kerr.NotLeaderForPartition.Code || c.ctx.Err() != nil {
			return p
		}
	}
}

func values(n int) []batch.Record {
	records := make([]batch.Record, n)
	for i := range records {
		records[i] = batch.Record{Timestamp: time.Now().UnixMilli(), Value: fmt.Appendf(nil, "value %d", i)}
	}
	return records
}

func TestProduceAndFetchInEveryVersion(t *testing.T) {
	c := newCluster(t, nil)
	next := int64(0)
	for version := int16(3); version <= 13; version++ {
		got := c.produce(version, -1, batch.Build(values(2)))
		if got.ErrorCode != 0 || got.BaseOffset != next || got.LogAppendTime != -1 {
			t.Fatalf("Produce v%d: %+v", version, got)
		}
		next += 2
	}
	for version := int16(4); version <= 18; version++ {
		p := c.fetch(version, 1, 1<<20)
		if p.ErrorCode != 0 || p.HighWatermark != next || p.PreferredReadReplica != -1 {
			t.Fatalf("Fetch v%d: %+v", version, p)
		}
		b, _, ok := batch.Next(p.RecordBatches)
		if !ok || b.BaseOffset() != 0 {
			t.Fatalf("Fetch v%d: the batch at offset 1 is not the first", version)
		}
		if records, err := b.Records(); err != nil || string(records[1].Value) != "value 1" {
			t.Fatalf("Fetch v%d: %v %v", version, records, err)
		}
	}
}

// fetch reads the partition from an offset on, without a session.
func (c *cluster) fetch(version int16, offset int64, partitionMax int32) kmsg.FetchResponseTopicPartition {
	c.Helper()
	r, topic, partition := c.fetchRequest(version, offset)
	partition.PartitionMaxBytes = partitionMax
	topic.Partitions = append(topic.Partitions, partition)
	r.Topics = append(r.Topics, topic)
	return ask[*kmsg.FetchResponse](c, r).Topics[0].Partitions[0]
}

func (c *cluster) fetchRequest(version int16, offset int64) (*kmsg.FetchRequest, kmsg.FetchRequestTopic, kmsg.FetchRequestTopicPartition) {
	r, topic, partition := kmsg.NewPtrFetchRequest(), kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	r.Version, r.MinBytes, r.MaxBytes, r.SessionEpoch = version, 1, 1<<20, -1
	topic.Topic, topic.TopicID = c.topic, c.id
	partition.FetchOffset, partition.PartitionMaxBytes = offset, 1<<20
	return r, topic, partition
}

func TestFetchNeverAnswersNullRecords(t *testing.T) {
	c := newCluster(t, nil)
	if p := c.produce(9, -1, batch.Build(values(1))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	for offset, want := range map[int64]*kerr.Error{1: nil, 99: kerr.OffsetOutOfRange} {
		p := c.fetch(12, offset, 1<<20)
		if got := kerr.TypedErrorForCode(p.ErrorCode); got != want {
			t.Errorf("offset %d: %v, want %v", offset, got, want)
		}
		if p.RecordBatches == nil || len(p.RecordBatches) > 0 {
			t.Errorf("offset %d: records %v, want empty", offset, p.RecordBatches)
		}
	}
}

func TestFetchBringsOneBatchThoughItIsTooLarge(t *testing.T) {
	c := newCluster(t, nil)
	for range 2 {
		if p := c.produce(9, -1, batch.Build(values(10))); p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
	}
	b, rest, ok := batch.Next(c.fetch(12, 0, 1).RecordBatches)
	if !ok || b.Count() != 10 || len(rest) > 0 {
		t.Fatalf("%v, %d bytes behind it", ok, len(rest))
	}
}

func TestFetchWaitsForRecords(t *testing.T) {
	c := newCluster(t, nil)
	if p := c.produce(9, -1, batch.Build(values(1))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	got := make(chan kmsg.FetchResponseTopicPartition, 1)
	go func() {
		r, topic, partition := c.fetchRequest(12, 1)
		r.MaxWaitMillis = 20_000
		topic.Partitions = append(topic.Partitions, partition)
		r.Topics = append(r.Topics, topic)
		answer, err := c.Broker(1).Request(c.ctx, fixed{r, 12})
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		got <- answer.(*kmsg.FetchResponse).Topics[0].Partitions[0]
	}()
	select {
	case p := <-got:
		t.Fatalf("answered without records: %+v", p)
	case <-time.After(100 * time.Millisecond):
	}
	if p := c.produce(9, -1, batch.Build(values(1))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	p := <-got
	if b, _, ok := batch.Next(p.RecordBatches); !ok || b.BaseOffset() != 1 {
		t.Fatalf("%+v", p)
	}
}

func TestFetchSessions(t *testing.T) {
	c := newCluster(t, nil)
	if p := c.produce(9, -1, batch.Build(values(1))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	session := func(id, epoch int32, topics bool) *kmsg.FetchResponse {
		r, topic, partition := c.fetchRequest(13, 1)
		r.SessionID, r.SessionEpoch = id, epoch
		if topics {
			topic.Partitions = append(topic.Partitions, partition)
			r.Topics = append(r.Topics, topic)
		}
		return ask[*kmsg.FetchResponse](c, r)
	}
	full := session(0, 0, true)
	if full.ErrorCode != 0 || full.SessionID == 0 || len(full.Topics) != 1 {
		t.Fatalf("the first: %+v", full)
	}
	if r := session(full.SessionID, 1, false); r.ErrorCode != 0 || len(r.Topics) != 0 {
		t.Fatalf("nothing changed, yet: %+v", r)
	}
	if p := c.produce(9, -1, batch.Build(values(1))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	if r := session(full.SessionID, 2, false); len(r.Topics) != 1 || len(r.Topics[0].Partitions[0].RecordBatches) == 0 {
		t.Fatalf("records arrived, yet: %+v", r)
	}
	if r := session(full.SessionID, 7, false); r.ErrorCode != kerr.InvalidFetchSessionEpoch.Code {
		t.Fatalf("a wrong epoch: %v", kerr.ErrorForCode(r.ErrorCode))
	}
	if r := session(full.SessionID+1, 1, false); r.ErrorCode != kerr.FetchSessionIDNotFound.Code {
		t.Fatalf("a wrong session: %v", kerr.ErrorForCode(r.ErrorCode))
	}
}

func TestProduceRefuses(t *testing.T) {
	c := newCluster(t, map[string]string{"max.message.bytes": "1000", "message.timestamp.after.max.ms": "1000", "min.insync.replicas": "2"})
	good := batch.Build(values(1))
	flipped := append([]byte{}, good...)
	flipped[len(flipped)-1] ^= 1
	old := append([]byte{}, good...)
	old[16] = 1
	future := batch.Build([]batch.Record{{Timestamp: time.Now().Add(time.Hour).UnixMilli()}})
	for name, test := range map[string]struct {
		acks    int16
		records []byte
		want    *kerr.Error
	}{
		"null":                    {1, nil, kerr.InvalidRecord},
		"a wrong checksum":        {1, flipped, kerr.CorruptMessage},
		"an old format":           {1, old, kerr.InvalidRecord},
		"two batches":             {1, append(append([]byte{}, good...), good...), kerr.InvalidRecord},
		"too large a batch":       {1, batch.Build(values(200)), kerr.MessageTooLarge},
		"the future":              {1, future, kerr.InvalidTimestamp},
		"acks 2":                  {2, good, kerr.InvalidRequiredAcks},
		"acks all, too few nodes": {-1, good, kerr.NotEnoughReplicas},
		"acks 1, too few nodes":   {1, good, nil},
	} {
		if got := c.produce(9, test.acks, test.records); kerr.TypedErrorForCode(got.ErrorCode) != test.want {
			t.Errorf("%s: %v, want %v", name, kerr.ErrorForCode(got.ErrorCode), test.want)
		}
	}
	c.topic = "missing"
	if got := c.produce(9, -1, good); got.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("no topic: %v", kerr.ErrorForCode(got.ErrorCode))
	}
	c.id = [16]byte{1}
	if got := c.produce(13, -1, good); got.ErrorCode != kerr.UnknownTopicID.Code {
		t.Errorf("no topic id: %v", kerr.ErrorForCode(got.ErrorCode))
	}
}

// A compacted topic takes no record without a key, compressed or not.
func TestCompactedTopicsWantKeys(t *testing.T) {
	c := newCluster(t, map[string]string{"cleanup.policy": "compact,delete"})
	for codec := range int8(5) {
		for last, want := range map[string]*kerr.Error{"k": nil, "": kerr.InvalidRecord} {
			records := []batch.Record{{Timestamp: time.Now().UnixMilli(), Key: []byte{}, Value: []byte("an empty key is one")}, {Value: []byte("v")}}
			if last != "" {
				records[1].Key = []byte(last)
			}
			b, err := batch.Build(records).Recompress(codec)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.produce(9, -1, b); kerr.TypedErrorForCode(got.ErrorCode) != want {
				t.Errorf("codec %d, last key %q: %v, want %v", codec, last, kerr.ErrorForCode(got.ErrorCode), want)
			}
		}
	}
}

func TestProduceStampsAndRecompresses(t *testing.T) {
	c := newCluster(t, map[string]string{"message.timestamp.type": "LogAppendTime", "compression.type": "zstd"})
	before := time.Now().UnixMilli()
	p := c.produce(9, -1, batch.Build([]batch.Record{{Timestamp: 5, Value: []byte("v")}}))
	if p.ErrorCode != 0 || p.LogAppendTime < before {
		t.Fatalf("%+v", p)
	}
	b, err := batch.Check(c.fetch(12, 0, 1<<20).RecordBatches)
	if err != nil || !b.AppendTime() || b.MaxTimestamp() != p.LogAppendTime || b.Codec() != 4 {
		t.Fatalf("%v: codec %d, timestamp %d", err, b.Codec(), b.MaxTimestamp())
	}
}

func TestIdempotentProducerAndConsumer(t *testing.T) {
	c := newCluster(t, nil)
	const n = 500
	for i := range n {
		c.Produce(c.ctx, &kgo.Record{Topic: c.topic, Value: fmt.Appendf(nil, "%d", i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := c.Flush(c.ctx); err != nil {
		t.Fatal(err)
	}
	for next := 0; next < n; {
		for _, r := range c.PollFetches(c.ctx).Records() {
			if string(r.Value) != strconv.Itoa(next) || r.Offset != int64(next) {
				t.Fatalf("%s at %d where %d was due", r.Value, r.Offset, next)
			}
			next++
		}
		if c.ctx.Err() != nil {
			t.Fatalf("%d of %d records came", next, n)
		}
	}
}

func TestProducerIDsAreNotGivenTwice(t *testing.T) {
	c := newCluster(t, nil)
	seen := make(map[int64]bool)
	for range 5 {
		for version := int16(0); version <= 5; version++ {
			r := kmsg.NewPtrInitProducerIDRequest()
			r.Version = version
			got := ask[*kmsg.InitProducerIDResponse](c, r)
			if got.ErrorCode != 0 || got.ProducerID < 0 || got.ProducerEpoch != 0 || seen[got.ProducerID] {
				t.Fatalf("v%d: %+v", version, got)
			}
			seen[got.ProducerID] = true
		}
	}
}

func TestAcks0(t *testing.T) {
	c := newCluster(t, nil)
	if p := c.produce(9, -1, batch.Build(values(1))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	send := func(r kmsg.Request, version int16) {
		t.Helper()
		r.SetVersion(version)
		if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, r, 7)); err != nil {
			t.Fatal(err)
		}
	}
	silent := func(topicName string) *kmsg.ProduceRequest {
		r, topic, partition := kmsg.NewPtrProduceRequest(), kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
		topic.Topic, partition.Records = topicName, batch.Build(values(1))
		topic.Partitions = append(topic.Partitions, partition)
		r.Topics = append(r.Topics, topic)
		return r
	}
	send(silent(c.topic), 9)
	send(kmsg.NewPtrApiVersionsRequest(), 0)
	var answer [8]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil || answer[7] != 7 {
		t.Fatalf("%x %v", answer, err)
	}
	// The answer behind the silent one left after its records were committed.
	if p := c.fetch(12, 1, 1<<20); len(p.RecordBatches) == 0 {
		t.Fatalf("%+v", p)
	}
	send(silent("missing"), 9)
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Fatalf("a failure with acks=0 must close the connection: %v", err)
	}
}

// offsetAt asks ListOffsets for one timestamp.
func (c *cluster) offsetAt(version int16, timestamp int64) kmsg.ListOffsetsResponseTopicPartition {
	c.Helper()
	r, topic, partition := kmsg.NewPtrListOffsetsRequest(), kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
	r.Version, topic.Topic, partition.Timestamp, partition.CurrentLeaderEpoch = version, c.topic, timestamp, -1
	topic.Partitions = append(topic.Partitions, partition)
	r.Topics = append(r.Topics, topic)
	return ask[*kmsg.ListOffsetsResponse](c, r).Topics[0].Partitions[0]
}

func TestListOffsetsAndDeleteRecords(t *testing.T) {
	c := newCluster(t, nil)
	var records []batch.Record
	for i := range int64(10) {
		records = append(records, batch.Record{Timestamp: 1000 + (i*7%10)*10})
	}
	if p := c.produce(9, -1, batch.Build(records)); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	check := func(at, offset int64) {
		t.Helper()
		if got := c.offsetAt(11, at); got.ErrorCode != 0 || got.Offset != offset {
			t.Errorf("timestamp %d: %+v, want offset %d", at, got, offset)
		}
	}
	check(-1, 10)
	check(-2, 0)
	check(-3, 7) // 7*7%10 = 9
	check(-4, 0)
	check(-5, -1)
	check(1000, 0)
	check(1060, 1) // offset 1 is at 1070
	check(1091, -1)
	for version := int16(1); version <= 11; version++ {
		if got := c.offsetAt(version, -1); got.ErrorCode != 0 || got.Offset != 10 {
			t.Errorf("v%d: %+v", version, got)
		}
	}
	c.trim(4, 4, 0)
	check(-2, 4)
	check(1090, 7)
	check(1000, 4)
	c.trim(11, -1, kerr.OffsetOutOfRange.Code)
	c.trim(-1, 10, 0)
	check(-2, 10)
}

func (c *cluster) trim(offset, low int64, code int16) {
	c.Helper()
	r, topic, partition := kmsg.NewPtrDeleteRecordsRequest(), kmsg.NewDeleteRecordsRequestTopic(), kmsg.NewDeleteRecordsRequestTopicPartition()
	r.Version, r.TimeoutMillis, topic.Topic, partition.Offset = 2, 10_000, c.topic, offset
	topic.Partitions = append(topic.Partitions, partition)
	r.Topics = append(r.Topics, topic)
	got := ask[*kmsg.DeleteRecordsResponse](c, r).Topics[0].Partitions[0]
	if got.ErrorCode != code || got.LowWatermark != low {
		c.Errorf("trim to %d: %+v, want low watermark %d and %v", offset, got, low, kerr.ErrorForCode(code))
	}
}

func TestLeaderEpochs(t *testing.T) {
	c := newCluster(t, nil)
	if p := c.produce(9, -1, batch.Build(values(3))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	epoch := c.offsetAt(11, -1).LeaderEpoch
	for version := int16(2); version <= 4; version++ {
		r, topic, partition := kmsg.NewPtrOffsetForLeaderEpochRequest(), kmsg.NewOffsetForLeaderEpochRequestTopic(), kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		r.Version, r.ReplicaID, topic.Topic, partition.LeaderEpoch, partition.CurrentLeaderEpoch = version, -1, c.topic, epoch, epoch
		topic.Partitions = append(topic.Partitions, partition)
		r.Topics = append(r.Topics, topic)
		if got := ask[*kmsg.OffsetForLeaderEpochResponse](c, r).Topics[0].Partitions[0]; got.ErrorCode != 0 || got.LeaderEpoch != epoch || got.EndOffset != 3 {
			t.Errorf("v%d: %+v", version, got)
		}
	}
	for current, want := range map[int32]*kerr.Error{epoch - 1: kerr.FencedLeaderEpoch, epoch + 1: kerr.UnknownLeaderEpoch} {
		r, topic, partition := c.fetchRequest(12, 0)
		partition.CurrentLeaderEpoch = current
		topic.Partitions = append(topic.Partitions, partition)
		r.Topics = append(r.Topics, topic)
		if got := ask[*kmsg.FetchResponse](c, r).Topics[0].Partitions[0]; kerr.TypedErrorForCode(got.ErrorCode) != want {
			t.Errorf("epoch %d of %d: %v, want %v", current, epoch, kerr.ErrorForCode(got.ErrorCode), want)
		}
	}
}
