package dev

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// child is a running node.
type child struct {
	node     Node
	cmd      *exec.Cmd
	stopping atomic.Bool
	gone     chan struct{} // closed when it has ended
	err      error         // of Wait, once gone

	mu   sync.Mutex
	last []string // its newest lines
}

// keptLines is how many of a node's lines are repeated when it dies.
const keptLines = 10

// start runs a node and reports its death on died unless it was asked for.
func start(o Options, n Node, out *lines, died chan<- *child) (*child, error) {
	c := &child{node: n, cmd: exec.Command(o.Binary, o.Args(n)...), gone: make(chan struct{})}
	c.cmd.SysProcAttr = childAttributes()
	r, w := io.Pipe()
	c.cmd.Stdout, c.cmd.Stderr = w, w
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start node %d: %w", n.ID, err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.copy(r, out)
	}()
	go func() {
		c.err = c.cmd.Wait()
		w.Close()
		<-read
		close(c.gone)
		if !c.stopping.Load() {
			died <- c
		}
	}()
	return c, nil
}

// copy passes the node's lines on behind its name.
func (c *child) copy(r io.Reader, out *lines) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		out.node(c.node.ID, s.Text())
		c.mu.Lock()
		c.last = append(c.last, s.Text())
		if len(c.last) > keptLines {
			c.last = c.last[1:]
		}
		c.mu.Unlock()
	}
}

// how tells how a node that is gone ended.
func (c *child) how() string {
	if c.err != nil {
		return c.err.Error()
	}
	return "exit code 0"
}

func (c *child) obituary() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Errorf("node %d ended by itself (%s); its last lines:\n%s", c.node.ID, c.how(), strings.Join(c.last, "\n"))
}

func (c *child) terminate() {
	c.stopping.Store(true)
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
}

// kill ends the node if it still runs, and waits for it.
func (c *child) kill() {
	c.stopping.Store(true)
	_ = c.cmd.Process.Kill() // it may be gone already
	<-c.gone
}

// lines writes whole lines of several nodes, each behind the node's name.
type lines struct {
	mu    sync.Mutex
	w     io.Writer
	color bool
}

// colors are ANSI foregrounds, one a node in turn.
var colors = []int{36, 33, 35, 32, 34, 31}

func (l *lines) node(id int, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := fmt.Sprintf("node-%d", id)
	if l.color {
		name = fmt.Sprintf("\x1b[%dm%s\x1b[0m", colors[(id-1)%len(colors)], name)
	}
	fmt.Fprintln(l.w, name, line)
}

func (l *lines) print(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprint(l.w, text)
}
