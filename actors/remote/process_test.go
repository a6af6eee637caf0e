package remote

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// node is a process that runs a child.
type node struct {
	t       *testing.T
	id      int
	address Address
	window  int
	knows   []*node // before it listens
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	log     *logLines
}

// start runs a node and waits until it listens.
func start(t *testing.T, id, window int) *node {
	t.Helper()
	n := &node{t: t, id: id, address: Address{freePort(t), freePort(t)}, window: window}
	n.run()
	t.Cleanup(n.kill)
	return n
}

// acquainted starts two nodes that know each other before either listens, so that nobody is ever
// asked by a stranger, and waits for their link.
func acquainted(t *testing.T) (*node, *node) {
	t.Helper()
	a := &node{t: t, id: 1, address: Address{freePort(t), freePort(t)}}
	b := &node{t: t, id: 2, address: Address{freePort(t), freePort(t)}, knows: []*node{a}}
	a.knows = []*node{b}
	for _, n := range []*node{a, b} {
		n.run()
		t.Cleanup(n.kill)
	}
	linked(t, a, b)
	return a, b
}

func (n *node) run() {
	n.t.Helper()
	n.cmd = exec.Command(os.Args[0])
	spec := fmt.Sprintf("%s=%d %s %s %d", childEnv, n.id, n.address.Control, n.address.Bulk, n.window)
	for _, other := range n.knows {
		spec += fmt.Sprintf(" %d %s %s", other.id, other.address.Control, other.address.Bulk)
	}
	n.cmd.Env = append(os.Environ(), spec)
	n.log = &logLines{t: n.t, id: n.id}
	n.cmd.Stderr = n.log
	var err error
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		n.t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	n.out = bufio.NewReader(out)
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	if line := n.line(); line != "ready" {
		n.t.Fatalf("node %d: %q", n.id, line)
	}
}

func (n *node) kill() {
	if n.cmd.ProcessState != nil {
		return
	}
	n.cmd.Process.Kill()
	n.cmd.Wait()
	n.log.races()
}

func (n *node) signal(s syscall.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) line() string {
	n.t.Helper()
	line, err := n.out.ReadString('\n')
	if err != nil {
		n.t.Fatalf("node %d is gone: %v", n.id, err)
	}
	return strings.TrimSpace(line)
}

// do has the node carry out a command and returns its answer.
func (n *node) do(format string, args ...any) string {
	n.t.Helper()
	if _, err := fmt.Fprintf(n.in, format+"\n", args...); err != nil {
		n.t.Fatal(err)
	}
	return n.line()
}

func (n *node) peer(other *node) {
	n.t.Helper()
	n.do("peer %d %s %s", other.id, other.address.Control, other.address.Bulk)
}

func (n *node) up(other *node) bool {
	n.t.Helper()
	return strings.HasPrefix(n.do("up %d", other.id), "true")
}

// received returns how many messages came from a node on a lane, and the index of the last. It
// fails the test if any came twice or out of order.
func (n *node) received(from *node, lane string) (count int, last uint64) {
	n.t.Helper()
	var disorder int
	fmt.Sscan(n.do("count %d %s", from.id, lane), &count, &last, &disorder)
	if disorder > 0 {
		n.t.Fatalf("%d messages of node %d came out of order on lane %s", disorder, from.id, lane)
	}
	return count, last
}

// send sends messages and returns how many of them were reported unreachable.
func (n *node) send(to *node, lane string, count, size int) (dropped int) {
	n.t.Helper()
	fmt.Sscan(n.do("send %d %s %d %d", to.id, lane, count, size), &dropped)
	return dropped
}

// within polls until a condition holds and returns how long that took.
func within(t *testing.T, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Since(begin) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		<-tick.C
	}
	return time.Since(begin)
}

// pair starts two nodes that know each other and waits for their link.
func pair(t *testing.T, window int) (*node, *node) {
	t.Helper()
	a, b := start(t, 1, window), start(t, 2, window)
	a.peer(b)
	b.peer(a)
	linked(t, a, b)
	return a, b
}

func linked(t *testing.T, a, b *node) time.Duration {
	t.Helper()
	return within(t, 5*time.Second, "both are linked", func() bool { return a.up(b) && b.up(a) })
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// logLines writes what a node logs into the test's log.
type logLines struct {
	t   *testing.T
	id  int
	all bytes.Buffer
}

func (l *logLines) Write(b []byte) (int, error) {
	l.t.Logf("node %d: %s", l.id, strings.TrimSpace(string(b)))
	return l.all.Write(b)
}

// races fails the test over data races that the node reported, but for those of grpc's logger:
// protoactor sets it twice.
func (l *logLines) races() {
	reports := strings.Split(l.all.String(), "WARNING: DATA RACE")
	for _, report := range reports[1:] {
		if !strings.Contains(report, "grpclog") {
			l.t.Errorf("node %d: a data race: %s", l.id, report)
		}
	}
}
