package coordinator

import (
	"cmp"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/group"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// ground is a node with one replica that is the whole shard: what it sends goes nowhere.
type ground struct{ *journal.Journal }

func (ground) Send(metadata.NodeID, remote.Raft)                            {}
func (ground) Pull(metadata.NodeID, *raft.Pull)                             {}
func (ground) Flush()                                                       {}
func (ground) Changed(*replica.View)                                        {}
func (ground) Restored(storage.ShardID, storage.ReplicaID, uint64)          {}
func (ground) Quarantine(_ storage.ShardID, _ storage.ReplicaID, err error) { panic(err) }

// offsets is a node that leads the one partition of __consumer_offsets.
type offsets struct {
	*led
	ref *replica.Ref

	expire    time.Duration             // of the next coordinators; 0 is an hour
	retention int64                     // of offsets; 0 is 1e9
	agreed    func(int64) (int64, bool) // see Options
}

const shard, own = storage.ShardID(300), storage.ReplicaID(1 << 33)

func lead(t *testing.T) *offsets {
	t.Helper()
	l := newLed(t)
	return &offsets{led: l, ref: l.lead(metadata.ConsumerOffsets, shard, own)}
}

// led is a node that leads whole shards by itself, each the one partition of a topic.
type led struct {
	t       *testing.T
	system  *actors.System
	store   storage.Store
	journal *journal.Journal
	image   *metadata.Image
	full    atomic.Bool // the replicas take no records
}

func newLed(t *testing.T) *led {
	store := memory.New()
	l := &led{
		t: t, store: store, journal: journal.New(store, journal.Options{Fatal: func(err error) { panic(err) }}),
		system: actors.NewSystem(actors.Options{Logger: slog.New(slog.DiscardHandler), Fatal: func(name string, cause any, _ []byte) { panic(cause) }}),
		image:  &metadata.Image{Topics: map[string]*metadata.Topic{}},
	}
	t.Cleanup(func() { l.system.Shutdown(); l.journal.Close() })
	return l
}

// lead makes the node lead the partition of one more topic.
func (l *led) lead(topic string, shard storage.ShardID, own storage.ReplicaID) *replica.Ref {
	l.t.Helper()
	found := raft.Found(shard, own, []storage.ReplicaID{own}, nil)
	if err := l.store.Write([]storage.Append{found}); err != nil {
		l.t.Fatal(err)
	}
	l.image.Topics[topic] = &metadata.Topic{Name: topic, Partitions: []*metadata.Partition{{Topic: topic, Shard: shard}}}
	ref, err := replica.OpenPartition(replica.Options{
		Shard: shard, Replica: own, Self: 1, Members: replica.Members{{Replica: own, Node: 1}}, State: found.State, Store: l.store, Node: ground{l.journal},
		Now: func() int64 { return time.Now().UnixMilli() }, Room: func() bool { return !l.full.Load() },
	}, func(a *replica.Actor) (replica.Mailbox, error) {
		address, err := l.system.Spawn(a.Name(), a)
		if err != nil {
			return nil, err
		}
		return address.Send, nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	changed := make(chan struct{}, 1)
	defer ref.Watch(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	for limit := time.After(20 * time.Second); ref.View().Role != replica.Leader; {
		select {
		case <-changed:
		case <-limit:
			l.t.Fatalf("the replica does not lead: %+v", ref.View())
		}
	}
	return ref
}

func (o *offsets) coordinators() *Host[*group.Coordinator] {
	kind := Groups(func() group.Config {
		return group.Config{MinSessionTimeoutMS: 1, MaxSessionTimeoutMS: 60_000, MaxSize: 10, MaxMetadataBytes: 100, OffsetsRetentionMS: cmp.Or(o.retention, 1e9)}
	}, cmp.Or(o.expire, time.Hour), 0)
	c := New(kind, o.options())
	o.t.Cleanup(c.Close)
	return c
}

// options are those of a host on the node.
func (o *offsets) options() Options {
	return Options{
		Host: o.system, Runtime: actors.Goroutines{},
		Image:   func() *metadata.Image { return o.image },
		Replica: func(storage.ShardID) *replica.Ref { return o.ref },
		Agreed:  o.agreed,
		Logger:  slog.New(slog.DiscardHandler),
	}
}

// do runs a command and returns why it was refused, nil if it ran.
func do(t *testing.T, c *Host[*group.Coordinator], run Command[*group.Coordinator]) *protocol.Error {
	t.Helper()
	outcome := make(chan *protocol.Error, 1)
	c.Do("group", func(now int64, core *group.Coordinator) {
		run(now, core)
		outcome <- nil
	}, func(err *protocol.Error) { outcome <- err })
	select {
	case err := <-outcome:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("neither run nor refused")
		return nil
	}
}

func commit(t *testing.T, c *Host[*group.Coordinator], at int64) {
	t.Helper()
	r := kmsg.NewPtrOffsetCommitRequest()
	topic, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	topic.Topic, p.Offset = "t", at
	topic.Partitions = append(topic.Partitions, p)
	r.Version, r.Group, r.Generation, r.Topics = 9, "group", -1, append(r.Topics, topic)
	answer := make(chan int16, 1)
	refused := do(t, c, func(now int64, core *group.Coordinator) {
		core.Commit(now, r, func(string) ([16]byte, int) { return [16]byte{1}, 1 }, func(r kmsg.Response) {
			answer <- r.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
		})
	})
	if refused != nil {
		t.Fatal(refused)
	}
	select {
	case code := <-answer:
		if code != 0 {
			t.Fatal(kerr.ErrorForCode(code))
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the commit is not answered")
	}
}

func committed(t *testing.T, c *Host[*group.Coordinator]) (at int64) {
	t.Helper()
	if refused := do(t, c, func(_ int64, core *group.Coordinator) {
		at = core.Fetch("group", "t", [16]byte{1}, []int32{0})[0].Offset
	}); refused != nil {
		t.Fatal(refused)
	}
	return at
}

// What was acknowledged is in the log: the next coordinator of the partition has it, and so has one
// that was stopped and asked again.
func TestCoordinatorsLoadWhatWasCommitted(t *testing.T) {
	o := lead(t)
	first := o.coordinators()
	if at := committed(t, first); at != -1 {
		t.Errorf("a group that never committed is at %d", at)
	}
	commit(t, first, 5)
	commit(t, first, 7)
	if at := committed(t, o.coordinatorsAfter(first)); at != 7 {
		t.Errorf("the next coordinator has the group at %d, want 7", at)
	}
}

// coordinatorsAfter ends some and makes others.
func (o *offsets) coordinatorsAfter(c *Host[*group.Coordinator]) *Host[*group.Coordinator] {
	c.Close()
	return o.coordinators()
}

func TestAForgottenCoordinatorIsLoadedAgain(t *testing.T) {
	o := lead(t)
	c := o.coordinators()
	commit(t, c, 5)
	c.Forget(shard)
	for limit := time.Now().Add(20 * time.Second); ; { // its name is free once it has stopped
		outcome := do(t, c, func(int64, *group.Coordinator) {})
		if outcome == nil {
			break
		}
		if outcome.Kafka != kerr.CoordinatorNotAvailable || time.Now().After(limit) {
			t.Fatal(outcome)
		}
	}
	if at := committed(t, c); at != 5 {
		t.Errorf("the group is at %d, want 5", at)
	}
}

func TestWhoDoesNotCoordinateSaysSo(t *testing.T) {
	o := lead(t)
	c := o.coordinators()
	never := func(int64, *group.Coordinator) { t.Error("it ran") }
	wants := func(what string, want *kerr.Error) {
		t.Helper()
		if got := do(t, c, never); got == nil || got.Kafka != want {
			t.Errorf("%s: %v, want %s", what, got, want.Message)
		}
	}
	if n := c.Each(func(int64, *group.Coordinator) {}, func(*protocol.Error) {}); n != 1 {
		t.Errorf("%d partitions are led here, want 1", n)
	}
	ref := o.ref
	o.ref = nil
	wants("the partition is elsewhere", kerr.NotCoordinator)
	if n := c.Each(never, func(*protocol.Error) {}); n != 0 {
		t.Errorf("%d partitions are led here, want none", n)
	}
	o.ref = ref
	image := o.image
	o.image = &metadata.Image{}
	wants("there is no such topic", kerr.CoordinatorNotAvailable)
	o.image = image
	c.Close()
	wants("the node stops", kerr.CoordinatorNotAvailable)
}
