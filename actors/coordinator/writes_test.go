package coordinator

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/coordination"
	"github.com/troupe-mq/troupe/raft/group"
)

// committing makes a request that commits offset at for so many partitions.
func committing(partitions int, at int64) *kmsg.OffsetCommitRequest {
	r := kmsg.NewPtrOffsetCommitRequest()
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = "t"
	for p := range partitions {
		part := kmsg.NewOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset = int32(p), at
		topic.Partitions = append(topic.Partitions, part)
	}
	r.Version, r.Group, r.Generation, r.Topics = 9, "group", -1, append(r.Topics, topic)
	return r
}

func many(string) ([16]byte, int) { return [16]byte{1}, 1_000_000 }

// A hundred members that commit at once make more than an entry takes: it is split, and all are
// answered.
func TestWhatATurnWritesIsSplit(t *testing.T) {
	o := lead(t)
	c := o.coordinators()
	const members, partitions = 100, 400
	name := strings.Repeat("g", 1000) // each record repeats it: 40 MB
	codes := make(chan int16, members)
	if refused := do(t, c, func(now int64, core *group.Coordinator) { // in one turn
		for m := range members {
			r := committing(partitions, int64(m))
			r.Group = name
			core.Commit(now, r, many, func(r kmsg.Response) {
				codes <- r.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
			})
		}
	}); refused != nil {
		t.Fatal(refused)
	}
	for range members {
		select {
		case code := <-codes:
			if code != 0 {
				t.Fatal(kerr.ErrorForCode(code))
			}
		case <-time.After(time.Minute):
			t.Fatal("not all commits are answered")
		}
	}
	do(t, o.coordinatorsAfter(c), func(_ int64, core *group.Coordinator) {
		if at := core.Fetch(name, "t", [16]byte{1}, []int32{partitions - 1})[0].Offset; at != members-1 {
			t.Errorf("the next coordinator has %d, want %d", at, members-1)
		}
	})
}

// What one request would write is refused if it is too much, and nobody else hears of it.
func TestARequestThatIsTooLargeIsRefused(t *testing.T) {
	o := lead(t)
	c := o.coordinators()
	r := committing(coordination.MaxWriteBytes/1000, 1)
	r.Group = strings.Repeat("g", 1000)
	code := make(chan int16, 1)
	if refused := do(t, c, func(now int64, core *group.Coordinator) {
		core.Commit(now, r, many, func(r kmsg.Response) { code <- r.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode })
	}); refused != nil {
		t.Fatal(refused)
	}
	if got := <-code; got != kerr.InvalidCommitOffsetSize.Code {
		t.Errorf("answered %v", kerr.ErrorForCode(got))
	}
	commit(t, c, 5)
}

// After a write that failed the groups are what the log says, and who waited is told to ask again.
func TestAFailedWriteLoadsTheGroupsAnew(t *testing.T) {
	o := lead(t)
	c := o.coordinators()
	commit(t, c, 5)
	o.full.Store(true)
	code := make(chan int16, 1)
	if refused := do(t, c, func(now int64, core *group.Coordinator) {
		core.Commit(now, committing(1, 6), many, func(r kmsg.Response) { code <- r.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode })
	}); refused != nil {
		t.Fatal(refused)
	}
	if got := <-code; got != kerr.NotCoordinator.Code {
		t.Errorf("answered %v", kerr.ErrorForCode(got))
	}
	if at := committed(t, c); at != 5 {
		t.Errorf("the group is at %d, the log says 5", at)
	}
	o.full.Store(false)
	commit(t, c, 7)
	if at := committed(t, c); at != 7 {
		t.Errorf("the group is at %d, want 7", at)
	}
}

// Everything that was asked is answered, however often the coordinators stop meanwhile.
func TestEverythingIsAnsweredByWhoStops(t *testing.T) {
	o := lead(t)
	c := o.coordinators()
	var answers sync.WaitGroup
	for g := range 8 {
		answers.Add(1)
		go func() {
			defer answers.Done()
			for i := range 200 {
				answered := make(chan struct{})
				join := kmsg.NewPtrJoinGroupRequest()
				join.Version, join.Group, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 3, fmt.Sprint("group", g, i), 60_000, 60_000
				join.ProtocolType, join.Protocols = "consumer", []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
				c.Do(join.Group, func(now int64, core *group.Coordinator) {
					switch i % 3 {
					case 0:
						r := committing(1, int64(i))
						core.Commit(now, r, many, func(kmsg.Response) { close(answered) })
					case 1:
						core.Join(now, group.Client{}, join, func(kmsg.Response) { close(answered) })
					default:
						core.WhenAll(func(*kerr.Error) { close(answered) })
					}
				}, func(*protocol.Error) { close(answered) })
				select {
				case <-answered:
				case <-time.After(time.Minute):
					t.Errorf("group %d, request %d was never answered", g, i)
					return
				}
			}
		}()
	}
	done := make(chan struct{})
	go func() { answers.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			c.Forget(shard)
		}
	}
	if n := c.Bytes(); n < 0 {
		t.Errorf("%d bytes are charged", n)
	}
}

// Offsets expire, and what they take in memory is given back, though nobody asks for their groups.
func TestOffsetsExpireWithoutTraffic(t *testing.T) {
	o := lead(t)
	first := o.coordinators()
	commit(t, first, 5)
	first.Close()
	if n := first.Bytes(); n != 0 {
		t.Errorf("%d bytes were not given back", n)
	}
	o.expire, o.retention = 10*time.Millisecond, 1
	c := o.coordinators()
	before := o.ref.View().HighWatermark
	for limit := time.After(20 * time.Second); o.ref.View().HighWatermark == before; {
		select {
		case <-limit:
			t.Fatal("nobody looked for expired offsets")
		case <-time.After(time.Millisecond):
		}
	}
	if at := committed(t, c); at != -1 {
		t.Errorf("the group is at %d", at)
	}
}

// Offsets expire by the time that the nodes agree on, if that is earlier than the coordinator's
// own, and not while it is not known.
func TestOffsetsOutliveAClockAhead(t *testing.T) {
	const ahead, unknown, right = 0, 1, 2
	var clock, asked atomic.Int64
	o := lead(t)
	o.expire, o.retention = time.Millisecond, 1
	o.agreed = func(now int64) (int64, bool) {
		asked.Add(1)
		if clock.Load() == ahead {
			now -= time.Hour.Milliseconds()
		}
		return now, clock.Load() != unknown
	}
	c := o.coordinators()
	commit(t, c, 5)
	before := o.ref.View().HighWatermark
	await := func(what string, done func() bool) {
		t.Helper()
		for limit := time.After(20 * time.Second); !done(); {
			select {
			case <-limit:
				t.Fatal(what)
			case <-time.After(time.Millisecond):
			}
		}
	}
	for _, is := range []int64{ahead, unknown} {
		clock.Store(is)
		asked.Store(0)
		await("nobody looked for expired offsets", func() bool { return asked.Load() > 20 })
		if o.ref.View().HighWatermark != before || committed(t, c) != 5 {
			t.Fatalf("offsets expired by a clock that is wrong (%d)", is)
		}
	}
	clock.Store(right)
	await("offsets do not expire", func() bool { return o.ref.View().HighWatermark > before })
}

// A barrier is passed once all is committed that was sent before it.
func TestABarrierIsPassedAfterWhatCameBefore(t *testing.T) {
	o := lead(t)
	c := o.coordinators()
	commit(t, c, 5)
	epoch, base := o.ref.View().Epoch, o.ref.View().HighWatermark
	passed := make(chan int64, 1)
	if refused := do(t, c, func(now int64, core *group.Coordinator) {
		core.Commit(now, committing(10, 6), many, func(kmsg.Response) {})
	}); refused != nil {
		t.Fatal(refused)
	}
	do(t, c, func(int64, *group.Coordinator) {}) // the turn with the commit is over
	o.ref.Send(&replica.Barrier{Epoch: epoch, Done: func(err *protocol.Error) {
		if err != nil {
			t.Error(err)
		}
		passed <- o.ref.View().HighWatermark
	}})
	if at := <-passed; at < base+10 {
		t.Errorf("passed at %d, want %d", at, base+10)
	}
	refused := make(chan *protocol.Error, 1)
	o.ref.Send(&replica.Barrier{Epoch: epoch + 1, Done: func(err *protocol.Error) { refused <- err }})
	if err := <-refused; err == nil || err.Kafka != kerr.NotLeaderForPartition {
		t.Errorf("a barrier of another epoch: %v", err)
	}
}

// later keeps what is to run besides the actors until it is asked for.
type later struct {
	actors.Goroutines
	work chan func()
}

func (l *later) Go(f func()) { l.work <- f }

// What is loaded for a coordinator that has stopped meanwhile takes nothing of the memory for
// groups.
func TestALoadThatNobodyWaitsForGivesItsMemoryBack(t *testing.T) {
	o := lead(t)
	first := o.coordinators()
	commit(t, first, 7)
	c, runtime := o.coordinatorsAfter(first), &later{work: make(chan func(), 1)}
	c.options.Runtime = runtime
	refused := make(chan struct{})
	c.Do("group", func(int64, *group.Coordinator) {}, func(*protocol.Error) { close(refused) })
	load := <-runtime.work
	c.Forget(shard)
	<-refused
	if load(); c.Bytes() != 0 {
		for end := time.Now().Add(20 * time.Second); c.Bytes() != 0; runtime.Wait(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d bytes are taken by groups that nobody has", c.Bytes())
			}
		}
	}
}
