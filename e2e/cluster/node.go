package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Node is one process, or the place where one was or will be. Its methods belong to the test's
// goroutine.
type Node struct {
	ID    int32
	Dir   string // everything of the node, its log among it
	Ports Ports

	t       testing.TB
	c       *Cluster
	machine Machine // nil is this one
	peers   []*Node // what it is told the founders are
	join    *Node   // a member that it joins at, instead
	extra   []string
	binary  string // that it runs; empty is the one that Binary builds
	gone    bool   // ended for good, Verify does not start it again
	process *process

	once   sync.Once
	client *kgo.Client // talks to this node only
}

// process is one run of a node.
type process struct {
	cmd      *exec.Cmd
	ended    chan struct{} // closed after err is set
	err      error         // of Wait
	expected bool          // somebody asked it to end
	paused   bool
}

// UseBinary has the node run another build from its next start on.
func (n *Node) UseBinary(path string) { n.binary = path }

// Addr is where clients reach the node.
func (n *Node) Addr() string { return n.at(n.Ports.Kafka) }

// at is the address of one of the node's ports.
func (n *Node) at(port int) string {
	if n.machine == nil {
		return address(port)
	}
	return net.JoinHostPort(n.machine.IP(), strconv.Itoa(port))
}

// MetricsAddr is where /metrics, /statusz and the other pages for operators are.
func (n *Node) MetricsAddr() string { return address(n.Ports.Metrics) }

// Data is the node's data directory.
func (n *Node) Data() string {
	dir := filepath.Join(n.Dir, "data")
	if n.machine == nil {
		return dir
	}
	return n.machine.Data(dir)
}

// Log is the file that holds the output of all runs of the node.
func (n *Node) Log() string { return filepath.Join(n.Dir, "log") }

// Args adds arguments to the process's command line from the next start on.
func (n *Node) Args(args ...string) { n.extra = append(n.extra, args...) }

// Peers makes the node be told other founders than the cluster's.
func (n *Node) Peers(founders ...*Node) { n.peers = founders }

// Prepare does what has to happen once before the first start, so that Start only starts.
func (n *Node) Prepare() {
	n.t.Helper()
	err := os.MkdirAll(n.Dir, 0o755)
	if err == nil {
		_, err = n.c.flavor.Command(n.c, n)
	}
	if err != nil {
		n.t.Fatalf("node %d: %v", n.ID, err)
	}
}

// Join makes the node join a cluster at one of its members instead of being told founders.
func (n *Node) Join(member *Node) { n.join = member }

// Running says whether the process runs; a paused one does.
func (n *Node) Running() bool {
	if n.process == nil {
		return false
	}
	select {
	case <-n.process.ended:
		return false
	default:
		return true
	}
}

// Start starts the process and does not wait for it.
func (n *Node) Start() {
	n.t.Helper()
	if n.Running() {
		n.t.Fatalf("node %d runs already", n.ID)
	}
	if n.process != nil && !n.process.expected {
		n.t.Fatalf("node %d ended by itself: %v; its log:\n%s", n.ID, n.process.err, n.Tail(30))
	}
	n.gone = false
	if err := n.start(); err != nil {
		n.t.Fatalf("node %d: %v", n.ID, err)
	}
}

func (n *Node) start() error {
	if err := os.MkdirAll(n.Dir, 0o755); err != nil {
		return err
	}
	cmd, err := n.c.flavor.Command(n.c, n)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(n.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Args = append(cmd.Args, n.extra...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, n.Dir
	cmd.Env, cmd.SysProcAttr = environment(), processAttributes()
	if err := n.mark(fmt.Sprintf("%s%s %s", runMark, time.Now().Format(time.TimeOnly), cmd)); err != nil {
		return err
	}
	if err := n.launch(cmd); err != nil {
		return err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	n.process = p
	go func() { p.err = cmd.Wait(); close(p.ended) }()
	return nil
}

func (n *Node) launch(cmd *exec.Cmd) error {
	if n.machine == nil {
		return cmd.Start()
	}
	return n.machine.Do(cmd.Start)
}

// environment is ours without what would configure a node behind the test's back.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "TROUPE_") })
}

// Kill ends the process at once (SIGKILL) and waits until it is gone.
func (n *Node) Kill() {
	n.t.Helper()
	n.end(syscall.SIGKILL, 10*time.Second)
}

// Doomed says that the process may end by itself from now on, as it must when its disk is taken
// away, until it is started again.
func (n *Node) Doomed() {
	n.t.Helper()
	n.process.expected = true
	if err := n.mark(doomMark); err != nil {
		n.t.Fatalf("node %d: %v", n.ID, err)
	}
}

// mark writes a line of the test's into the node's log, on a line of its own whatever a process
// that was killed has left.
func (n *Node) mark(text string) error {
	log, err := os.OpenFile(n.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(log, "\n%s\n", text)
	return errors.Join(err, log.Close())
}

// Crash is Kill of a process that may have ended by itself, if it was Doomed.
func (n *Node) Crash() {
	n.t.Helper()
	if n.Running() {
		n.Kill()
	}
}

// Stop ends the process as an operator does (SIGTERM). It must end with code 0 within 15 s.
func (n *Node) Stop() {
	n.t.Helper()
	n.end(syscall.SIGTERM, 15*time.Second)
	if code := n.process.cmd.ProcessState.ExitCode(); code != 0 && !(n.c.flavor.Name() == "kafka" && code == 128+int(syscall.SIGTERM)) {
		n.t.Errorf("node %d ended with code %d after SIGTERM, want 0", n.ID, code)
	}
}

func (n *Node) end(s syscall.Signal, limit time.Duration) {
	n.t.Helper()
	if !n.Running() {
		n.t.Fatalf("node %d does not run: %s", n.ID, n.Tail(20))
	}
	p := n.process
	p.expected = true
	n.signal(s)
	if p.paused && s != syscall.SIGKILL {
		n.Resume()
	}
	if !p.wait(limit) {
		n.signal(syscall.SIGQUIT) // the goroutines go to the log
		n.t.Fatalf("node %d did not end within %s of %s", n.ID, limit, s)
	}
}

func (p *process) wait(limit time.Duration) bool {
	after := time.NewTimer(limit)
	defer after.Stop()
	select {
	case <-p.ended:
		return true
	case <-after.C:
		return false
	}
}

// WaitExit waits until the process ends by itself, for good, and returns its exit code and the last
// lines of its log.
func (n *Node) WaitExit(limit time.Duration) (code int, output string) {
	n.t.Helper()
	n.process.expected, n.gone = true, true
	if !n.process.wait(limit) {
		n.t.Fatalf("node %d still runs after %s; its log:\n%s", n.ID, limit, n.Tail(30))
	}
	return n.process.cmd.ProcessState.ExitCode(), n.Tail(200)
}

// Pause stops a node as a whole (SIGSTOP): its connections stay open and nobody answers. It returns
// when the process stands still: for a moment after the signal was sent its threads run on, and may
// acknowledge what a test takes for impossible.
func (n *Node) Pause() {
	n.t.Helper()
	n.process.paused = true
	n.signal(syscall.SIGSTOP)
	Eventually(n.t, 30*time.Second, fmt.Sprintf("node %d stands still", n.ID), func(context.Context) error { return stopped(n.Pid()) })
}

// Resume is the end of Pause (SIGCONT).
func (n *Node) Resume() { n.t.Helper(); n.process.paused = false; n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) {
	n.t.Helper()
	if err := n.process.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		n.t.Fatalf("node %d: %s: %v", n.ID, s, err)
	}
}

// Pid is the running process's id.
func (n *Node) Pid() int { return n.process.cmd.Process.Pid }
