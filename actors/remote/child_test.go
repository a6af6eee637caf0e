package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// childEnv makes a process of this test binary a node: "id control bulk window", and "id control
// bulk" of each peer that it knows from the beginning. Nodes of a test are processes because they
// must be killed and frozen, and because protoactor sets grpc's logger anew with every remote that
// starts.
const childEnv = "TROUPE_REMOTE_TEST_NODE"

// TestMain has every buffer spoilt that is given back: who still reads it then gets other bytes.
func TestMain(m *testing.M) {
	theBuffers.given = func(b []byte) {
		for i := range b {
			b[i] = 0xdb
		}
	}
	if spec := os.Getenv(childEnv); spec != "" {
		if err := runChild(spec, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is a node under test. It answers each line of its input with one line.
type child struct {
	links *Remotes
	sent  uint64 // index of the last message sent

	mu     sync.Mutex
	counts map[string]*tally // by "from lane"

	unreachable atomic.Int64
	ups, downs  atomic.Int64
}

// tally is what came from a peer on one lane since the last "count".
type tally struct {
	n, disorder int
	last        uint64
}

func runChild(spec string, in io.Reader, out io.Writer) error {
	var self metadata.NodeID
	var listen Address
	var window int
	if _, err := fmt.Sscan(spec, &self, &listen.Control, &listen.Bulk, &window); err != nil {
		return err
	}
	links, err := New(Options{
		Self: self, Incarnation: 1, Listen: listen, Advertised: listen, Window: window,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
		Fatal:  func(err error) { fmt.Fprintln(os.Stderr, "fatal:", err); os.Exit(3) },
	})
	if err != nil {
		return err
	}
	c := &child{links: links, counts: map[string]*tally{}}
	for known := strings.Fields(spec)[4:]; len(known) > 0; known = known[3:] {
		c.do(append([]string{"peer"}, known[:3]...))
	}
	if err := links.Start(c); err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fmt.Fprintln(out, c.do(strings.Fields(lines.Text())))
	}
	links.Stop()
	return nil
}

func (c *child) do(line []string) string {
	var a, b, d int
	switch line[0] {
	case "peer": // id control bulk
		fmt.Sscan(line[1], &a)
		c.links.SetPeer(metadata.NodeID(a), Address{line[2], line[3]})
		return "ok"
	case "forget": // id
		fmt.Sscan(line[1], &a)
		c.links.RemovePeer(metadata.NodeID(a))
		return "ok"
	case "routines":
		return fmt.Sprint(routines())
	case "up": // id
		fmt.Sscan(line[1], &a)
		return fmt.Sprint(c.links.Up(metadata.NodeID(a)), c.ups.Load(), c.downs.Load())
	case "send": // to lane count size
		fmt.Sscan(line[1]+" "+line[3]+" "+line[4], &a, &b, &d)
		c.send(metadata.NodeID(a), line[2], b, d)
		return fmt.Sprint(c.unreachable.Swap(0))
	case "count": // from lane
		return c.count(line[1] + " " + line[2])
	case "exchanged": // with lane
		fmt.Sscan(line[1], &a)
		return c.exchanged(metadata.NodeID(a), line[2])
	case "ask": // to kind size milliseconds
		fmt.Sscan(line[1]+" "+line[3]+" "+line[4], &a, &b, &d)
		return c.ask(b, time.Duration(d)*time.Millisecond, func(ctx context.Context, body []byte) ([]byte, error) {
			return c.links.Ask(ctx, metadata.NodeID(a), line[2], body)
		})
	case "askat": // address kind size milliseconds
		fmt.Sscan(line[3]+" "+line[4], &b, &d)
		return c.ask(b, time.Duration(d)*time.Millisecond, func(ctx context.Context, body []byte) ([]byte, error) {
			return c.links.AskAt(ctx, line[1], line[2], body)
		})
	}
	return "what?"
}

// send sends heartbeats (lane control), entries (lane bulk) or what is only told (carry, tell) with
// ascending indexes.
func (c *child) send(to metadata.NodeID, lane string, count, size int) {
	for range count {
		c.sent++
		if lane == "carry" || lane == "tell" {
			c.tell(to, lane, size)
			continue
		}
		m := &raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), From: new(uint64(1)), To: new(uint64(2)), Term: new(uint64(3)), Commit: new(c.sent)}
		if lane == "bulk" {
			m.Type = raftpb.MsgApp.Enum()
			m.Entries = []*raftpb.Entry{{Index: new(c.sent), Term: new(uint64(3)), Data: bytes.Repeat([]byte{byte(c.sent)}, size)}}
		}
		c.links.Send(to, Raft{Shard: 7, Message: m})
	}
	c.links.Flush()
}

func (c *child) tell(to metadata.NodeID, lane string, size int) {
	body := append(binary.BigEndian.AppendUint64(nil, c.sent), make([]byte, size)...)
	if lane == "tell" {
		c.links.Tell(to, lane, body)
	} else if !c.links.Carry(to, lane, body) {
		c.unreachable.Add(1)
	}
}

// Told implements Receiver.
func (c *child) Told(from metadata.NodeID, kind string, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally(fmt.Sprint(from, " ", kind), binary.BigEndian.Uint64(body))
}

func (c *child) count(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.counts[key]
	if t == nil {
		return "0 0 0"
	}
	return fmt.Sprint(t.n, t.last, t.disorder)
}

// exchanged is what was sent and received, in frames and bytes.
func (c *child) exchanged(with metadata.NodeID, lane string) string {
	for _, p := range c.links.Read() {
		for _, l := range p.Lanes {
			if p.Peer == with && l.Name == lane {
				return fmt.Sprint(l.FramesSent, l.BytesSent, l.FramesReceived, l.BytesReceived)
			}
		}
	}
	return "0 0 0 0"
}

func (c *child) ask(size int, timeout time.Duration, ask func(context.Context, []byte) ([]byte, error)) string {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	body := bytes.Repeat([]byte{'q'}, size)
	got, err := ask(ctx, body)
	var remote *RemoteError
	switch {
	case errors.As(err, &remote):
		return "refused " + remote.Text
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case err != nil:
		return "error " + err.Error()
	case !bytes.Equal(got, body):
		return fmt.Sprintf("garbled: %d of %d bytes", len(got), size)
	}
	return "ok"
}

// Raft implements Receiver.
func (c *child) Raft(from metadata.NodeID, messages []Raft) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range messages {
		if err := m.Decode(); err != nil {
			panic(err)
		}
		lane, index := "control", m.Message.GetCommit()
		if m.Message.GetType() == raftpb.MsgApp {
			e := m.Message.Entries[0]
			lane, index = "bulk", e.GetIndex()
			if bytes.Count(e.Data, []byte{byte(index)}) != len(e.Data) {
				panic("an entry arrived with other bytes")
			}
		}
		c.tally(fmt.Sprint(from, " ", lane), index)
	}
}

// tally counts an arrival. The caller holds mu.
func (c *child) tally(key string, index uint64) {
	t := c.counts[key]
	if t == nil {
		t = &tally{}
		c.counts[key] = t
	}
	if index <= t.last && index != 1 {
		t.disorder++
	}
	t.n, t.last = t.n+1, index
}

// Ask implements Receiver.
func (c *child) Ask(_ metadata.NodeID, kind string, body []byte, reply func([]byte, error)) {
	switch kind {
	case "echo":
		go reply(body, nil)
	case "refuse":
		reply(nil, errors.New("not here"))
	case "late":
		time.AfterFunc(300*time.Millisecond, func() { reply(body, nil) })
	}
}

// Linked implements Receiver.
func (c *child) Linked(_ metadata.NodeID, up bool) {
	if up {
		c.ups.Add(1)
	} else {
		c.downs.Add(1)
	}
}

// Unreachable implements Receiver.
func (c *child) Unreachable(storage.ShardID, storage.ReplicaID) { c.unreachable.Add(1) }

// routines counts the goroutines of this process but those that wait for an actor's next turn.
func routines() (n int) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, s := range strings.Split(string(stacks), "\n\n") {
		if lines := strings.SplitN(s, "\n", 3); len(lines) > 1 && !strings.Contains(lines[1], "actors.(*dispatcher).work(") {
			n++
		}
	}
	return n
}
