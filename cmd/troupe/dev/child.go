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
	gone     chan struct{}

	mu   sync.Mutex
	last []string // its newest lines
}

// keptLines is how many of a node's lines are repeated when it dies.
const keptLines = 10

// start runs a node and reports its death on died unless it was asked for.
func start(o Options, n Node, out *lines, died chan<- error) (*child, error) {
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
		err := c.cmd.Wait()
		w.Close()
		<-read
		close(c.gone)
		if !c.stopping.Load() {
			died <- c.obituary(err)
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

func (c *child) obituary(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	how := "exit code 0"
	if err != nil {
		how = err.Error()
	}
	return fmt.Errorf("node %d ended by itself (%s); its last lines:\n%s", c.node.ID, how, strings.Join(c.last, "\n"))
}

func (c *child) terminate() {
	c.stopping.Store(true)
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
}

// killAll ends what is left, and waits for it.
func killAll(children []*child) {
	for _, c := range children {
		c.stopping.Store(true)
		_ = c.cmd.Process.Kill()
		<-c.gone
	}
}

// lines writes whole lines of several nodes, each behind the node's name.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

// colors are ANSI foregrounds, one a node in turn.
var colors = []int{36, 33, 35, 32, 34, 31}

func (l *lines) node(id int, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "\x1b[%dmnode-%d\x1b[0m %s\n", colors[(id-1)%len(colors)], id, line)
}

func (l *lines) print(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprint(l.w, text)
}
