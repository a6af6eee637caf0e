package group

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/coordination"
)

// TestScripts runs the stories of testdata: every command is a request, a moment of time or a
// fault, and what stands below it is every answer that it led to, to whomever, in order. `go test
// ./raft/group -rewrite` writes what is printed now, to be read as a diff.
//
//	config  delay=MS max-size=N retention=MS metadata=BYTES write=BYTES
//	                                    a new coordinator (bounds of sessions: 1s to 60s)
//	join    as=NAME [id=ID] [instance=I] [version=V] [session=MS] [rebalance=MS]
//	        [protocols=a/topic,b/topic]
//	        [type=T] [owned=true] [subscription=BYTES]
//	sync    as=NAME id=ID gen=G [instance=I] [assign=ID/text,ID/text] [protocol=P]
//	beat    id=ID gen=G [instance=I]
//	leave   [id=ID] [instance=I] [version=V]
//	commit  [id=ID] [gen=G] [instance=I] topic=T [partition=P] at=OFFSET [meta=TEXT] [version=V]
//	        [keep=MS]
//	fetch   topic=T
//	wait    MS                          time passes, and everything happens whose moment comes
//	set     MS                          somebody sets the clock, by as much
//	hold | write | fail code=NAME       the log takes no writes; takes those that wait; refuses
//	                                    them, and another coordinator takes over
//	read-only on | off                  the log has no room: what needs a write is refused
//	compact                             the log keeps the last value of each key, and no tombstones
//	restart                             another coordinator, of what the log has
//	describe | list | delete | delete-offsets topic=T | expire | recreate topic=T
//
// group=G is for all, "g" if not given.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := newScript()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.step(t, d)
			out := strings.Join(s.out, "\n")
			s.out = nil
			if out == "" {
				return "ok"
			}
			return out
		})
	})
}

// script is a coordinator with a log, a clock, and what it answered.
type script struct {
	now    int64
	config Config
	core   *Coordinator
	ids    int
	topics map[string]byte // first byte of a topic's id
	hold   bool
	held   []*coordination.Write
	log    []coordination.Record
	out    []string
	lives  int // of the coordinator
	wrote  func(coordination.Record)

	compacted bool
}

func newScript() *script {
	s := &script{now: 1_000_000, topics: map[string]byte{}}
	s.config = Config{MinSessionTimeoutMS: 1000, MaxSessionTimeoutMS: 60_000, MaxSize: 100, MaxMetadataBytes: 16, OffsetsRetentionMS: 600_000}
	s.core = New(s.config, s.newID)
	return s
}

func (s *script) newID() string { s.ids++; return strconv.Itoa(s.ids) }

func (s *script) say(format string, args ...any) {
	s.out = append(s.out, manyX.ReplaceAllStringFunc(fmt.Sprintf(format, args...), func(x string) string {
		return fmt.Sprintf("long-%d", len(x))
	}))
}

var manyX = regexp.MustCompile(`x{100,}`)

// args are a command's, with what they are if they are not given.
type args struct {
	t *testing.T
	*datadriven.TestData
}

// text is an argument; long-N is one of N bytes.
func (a args) text(key, otherwise string) string {
	for _, arg := range a.CmdArgs {
		if arg.Key == key && len(arg.Vals) > 0 {
			otherwise = strings.Join(arg.Vals, ",")
		} else if arg.Key == key {
			otherwise = ""
		}
	}
	return long.ReplaceAllStringFunc(otherwise, func(s string) string {
		n, _ := strconv.Atoi(long.FindStringSubmatch(s)[1])
		return strings.Repeat("x", n)
	})
}

var long = regexp.MustCompile(`long-(\d+)`)

func (a args) number(key string, otherwise int64) int64 {
	a.MaybeScanArgs(a.t, key, &otherwise)
	return otherwise
}

func (a args) maybe(key string) *string {
	if !a.HasArg(key) {
		return nil
	}
	v := a.text(key, "")
	return &v
}

func (s *script) step(t *testing.T, d *datadriven.TestData) {
	a := args{t, d}
	group := a.text("group", "g")
	switch d.Cmd {
	case "config":
		s.config.InitialRebalanceDelayMS = a.number("delay", 0)
		s.config.MaxSize = int(a.number("max-size", 100))
		s.config.OffsetsRetentionMS = a.number("retention", 600_000)
		s.config.MaxMetadataBytes = int(a.number("metadata", 16))
		s.config.MaxWriteBytes = int(a.number("write", 0))
		s.core, s.log = New(s.config, s.newID), nil
	case "join":
		s.join(a, group)
	case "sync":
		s.sync(a, group)
	case "beat":
		r := kmsg.NewPtrHeartbeatRequest()
		r.Version, r.Group, r.MemberID, r.Generation, r.InstanceID = 4, group, a.text("id", ""), int32(a.number("gen", -1)), a.maybe("instance")
		s.core.Heartbeat(s.now, r, func(r kmsg.Response) { s.say("%s", code(r.(*kmsg.HeartbeatResponse).ErrorCode)) })
	case "leave":
		s.leave(a, group)
	case "commit":
		s.commit(a, group)
	case "wait":
		ms, err := strconv.ParseInt(d.CmdArgs[0].Key, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s.wait(ms)
	case "set":
		ms, err := strconv.ParseInt(d.CmdArgs[0].Key, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s.now += ms
		s.core.Shift(ms)
	case "hold":
		s.hold = true
	case "write":
		s.hold = false
		s.release(nil)
	case "fail":
		s.hold = false
		s.release(protocol.Errorf(errorNamed(t, a.text("code", "")), "told to"))
	case "read-only":
		s.core.ReadOnly(d.CmdArgs[0].Key == "on")
	case "compact":
		s.compact()
	case "restart":
		s.restart()
	default:
		s.look(a, group)
	}
	s.settle()
	if s.compacted = s.compacted || d.Cmd == "compact"; s.compacted {
		return // a group without records is forgotten by the next coordinator
	}
	if err := s.differs(); err != nil {
		t.Fatalf("%s: %v", d.Pos, err)
	}
}

// look is for commands of administrators, and for what can be seen.
func (s *script) look(a args, group string) {
	topic := a.text("topic", "t")
	switch a.Cmd {
	case "fetch":
		fetched := s.core.Fetch(group, topic, s.topicID(topic), []int32{0, 1})
		s.core.When(group, func(err *kerr.Error) {
			if err != nil {
				s.say("fetch %s", name(err))
				return
			}
			for _, f := range fetched {
				s.say("%s/%d at %d %q", f.Topic, f.Partition, f.Offset, f.Metadata)
			}
		})
	case "describe":
		s.describe(group)
	case "list":
		for _, g := range s.core.List(nil, nil) {
			s.say("%s %s %s", g.Group, g.GroupState, g.ProtocolType)
		}
	case "delete":
		s.core.Delete(group, func(err *kerr.Error) { s.say("%s", name(err)) })
	case "delete-offsets":
		r := kmsg.NewPtrOffsetDeleteRequest()
		rt, rp := kmsg.NewOffsetDeleteRequestTopic(), kmsg.NewOffsetDeleteRequestTopicPartition()
		r.Group, rt.Topic = group, topic
		rt.Partitions = append(rt.Partitions, rp)
		r.Topics = append(r.Topics, rt)
		s.core.DeleteOffsets(r, func(r kmsg.Response) {
			o := r.(*kmsg.OffsetDeleteResponse)
			if o.ErrorCode != 0 {
				s.say("%s", code(o.ErrorCode))
				return
			}
			s.say("%s", code(o.Topics[0].Partitions[0].ErrorCode))
		})
	case "expire":
		s.core.ApplyRetention(s.now)
	case "recreate":
		s.topics[topic]++
	default:
		a.t.Fatalf("%s: no such command", a.Pos)
	}
}

// known knows every topic but one, and two partitions of each.
func (s *script) known(topic string) ([16]byte, int) {
	if topic == "nowhere" {
		return [16]byte{}, 0
	}
	return s.topicID(topic), 2
}

func (s *script) topicID(topic string) [16]byte { return [16]byte{s.topics[topic], 1} }

// wait lets time pass, stopping at every moment that the coordinator asked for.
func (s *script) wait(ms int64) {
	end := s.now + ms
	for next := s.core.Next(); next != 0 && next <= end; next = s.core.Next() {
		s.now = max(next, s.now)
		s.core.Expire(s.now)
		s.settle()
	}
	s.now = end
	s.core.Expire(s.now)
}

// settle takes what the coordinator writes; unless held, the log takes it at once.
func (s *script) settle() {
	for w := s.core.TakeWrites(); len(w) > 0; w = s.core.TakeWrites() {
		s.held = append(s.held, w...)
		s.note(w)
		if !s.hold {
			s.release(nil)
		}
	}
}

// note tells somebody who listens what is written.
func (s *script) note(writes []*coordination.Write) {
	for _, w := range writes {
		for _, r := range w.Records {
			if s.wrote != nil {
				s.wrote(r)
			}
		}
	}
}

// release has the log take what waits, or refuse it, which is the end of the coordinator.
func (s *script) release(err *protocol.Error) {
	held := s.held
	s.held = nil
	if err != nil && len(held) > 0 {
		s.reload(coordination.Translate(err))
		return
	}
	for _, w := range held {
		s.log = append(s.log, w.Records...)
		s.core.Committed(s.now, 1)
	}
}

// restart has another coordinator take over, of what the log has.
func (s *script) restart() { s.held = nil; s.reload(kerr.NotCoordinator) }

func (s *script) compact() {
	last := make(map[string]int)
	for i, r := range s.log {
		last[string(r.Key)] = i
	}
	var kept []coordination.Record
	for i, r := range s.log {
		if last[string(r.Key)] == i && r.Value != nil {
			kept = append(kept, r)
		}
	}
	s.log = kept
}

func (s *script) reload(cause *kerr.Error) {
	s.lives++
	s.core.Abandon(cause)
	if s.core.memory.Taken() != 0 {
		s.say("%d bytes were not given back", s.core.memory.Taken())
	}
	s.core = New(s.config, s.newID)
	for _, r := range s.log {
		if err := s.core.Replay(coordination.NoProducer, r); err != nil {
			s.say("%v", err)
		}
	}
	s.core.Loaded(s.now)
}

func (s *script) describe(group string) {
	d := s.core.Describe(group, 5)
	s.core.When(group, func(err *kerr.Error) {
		if err != nil {
			s.say("describe %s", name(err))
			return
		}
		s.say("%s protocol=%s", d.State, d.Protocol)
		for _, m := range d.Members {
			line := fmt.Sprintf("  %s %q", m.MemberID, m.MemberAssignment)
			if m.InstanceID != nil {
				line += " instance=" + *m.InstanceID
			}
			s.say("%s", line)
		}
	})
}

func code(c int16) string { return name(kerr.TypedErrorForCode(c)) }

func name(err *kerr.Error) string {
	if err == nil {
		return "ok"
	}
	return err.Message
}

func errorNamed(t *testing.T, message string) *kerr.Error {
	all := []*kerr.Error{kerr.NotLeaderForPartition, kerr.RequestTimedOut, kerr.MessageTooLarge}
	at := slices.IndexFunc(all, func(e *kerr.Error) bool { return e.Message == message })
	if at < 0 {
		t.Fatalf("no error of the script is named %q", message)
	}
	return all[at]
}
