// Package dev runs a cluster of several nodes as processes on one machine.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options are what a cluster is run with.
type Options struct {
	Binary   string
	Nodes    int
	BasePort int
	Dir      string
	Set      []string // name=value, for every node
	// Args makes a node's command line; Node.ServerArgs is it, tests have others.
	Args func(Node) []string
	Out  io.Writer
}

// Node is one node of the cluster.
type Node struct {
	ID    int
	Port  int // Kafka's; control, metrics and bulk are the next three
	Dir   string
	Peers string
	Set   []string
}

// portsEach is how far apart the nodes' ports are; portsUsed how many of them a node takes.
const (
	portsEach = 10
	portsUsed = 4
)

// ServerArgs is the command line of `troupe server` for a node.
func (n Node) ServerArgs() []string {
	listener := fmt.Sprintf("PLAINTEXT://127.0.0.1:%d", n.Port)
	args := []string{
		"server", fmt.Sprintf("--node.id=%d", n.ID), "--listeners=" + listener, "--advertised.listeners=" + listener,
		"--data.dir=" + n.Dir, "--log.format=text",
	}
	if n.Peers != "" {
		args = append(args, "--peers="+n.Peers)
	}
	for _, s := range n.Set {
		args = append(args, "--set="+s)
	}
	return args
}

// nodes lays the nodes out.
func (o *Options) nodes() []Node {
	var peers []string
	all := make([]Node, o.Nodes)
	for i := range all {
		port := o.BasePort + portsEach*i
		all[i] = Node{ID: i + 1, Port: port, Dir: filepath.Join(o.Dir, fmt.Sprintf("node-%d", i+1)), Set: o.Set}
		peers = append(peers, fmt.Sprintf("%d@127.0.0.1:%d", i+1, port+1))
	}
	for i := range all {
		if len(all) > 1 {
			all[i].Peers = strings.Join(peers, ",")
		}
	}
	return all
}

const (
	readyWithin = 60 * time.Second
	readyLook   = 20 * time.Millisecond
	drainWithin = 15 * time.Second
)

// Run runs the cluster until a signal comes, ctx ends, or a node dies. The first signal stops the nodes in good order, the second at once.
func Run(ctx context.Context, o Options, signals <-chan os.Signal) error {
	if o.Nodes < 1 {
		return fmt.Errorf("%d nodes: one at least", o.Nodes)
	}
	nodes := o.nodes()
	if err := free(nodes); err != nil {
		return err
	}
	out := &lines{w: o.Out}
	died := make(chan error, len(nodes))
	var children []*child
	defer func() { killAll(children) }()
	begin := time.Now()
	for _, n := range nodes {
		c, err := start(o, n, out, died)
		if err != nil {
			return err
		}
		children = append(children, c)
	}
	ready := make(chan error, 1)
	go func() { ready <- awaitReady(ctx, nodes) }()
	for {
		select {
		case err := <-ready:
			if err != nil {
				return err
			}
			out.print(welcome(nodes, time.Since(begin)))
		case err := <-died:
			return err
		case <-ctx.Done():
			return stopAll(children, died, signals, out)
		case <-signals:
			return stopAll(children, died, signals, out)
		}
	}
}

// free tells which port is taken before anything is started.
func free(nodes []Node) error {
	for _, n := range nodes {
		for p := n.Port; p < n.Port+portsUsed; p++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if err != nil {
				return fmt.Errorf("port %d, which node %d needs, is taken (%w): stop what uses it, or choose others with --base-port", p, n.ID, err)
			}
			l.Close()
		}
	}
	return nil
}

// awaitReady waits until every node says that clients may come.
func awaitReady(ctx context.Context, nodes []Node) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for _, n := range nodes {
		for !isReady(ctx, n) {
			select {
			case <-time.After(readyLook):
			case <-ctx.Done():
				return fmt.Errorf("node %d is not ready after %s: see its lines above", n.ID, readyWithin)
			}
		}
	}
	return nil
}

func isReady(ctx context.Context, n Node) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/readyz", n.Port+2), nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// welcome says what can be done now.
func welcome(nodes []Node, took time.Duration) string {
	var bootstrap []string
	for _, n := range nodes {
		bootstrap = append(bootstrap, fmt.Sprintf("127.0.0.1:%d", n.Port))
	}
	first := bootstrap[0]
	return fmt.Sprintf(`
ready in %.1f s. Bootstrap servers: %s

  echo hello | kcat -b %s -t greetings -P          # a first message
  kcat -b %s -t greetings -C -e                    # read it
  kafka-console-producer.sh --bootstrap-server %s --topic greetings
  kafka-console-consumer.sh --bootstrap-server %s --topic greetings --from-beginning

Health: http://127.0.0.1:%d/readyz. Ctrl-C stops the cluster; its data stays.
`, took.Seconds(), strings.Join(bootstrap, ","), first, first, first, first, nodes[0].Port+2)
}

// stopAll stops the nodes in good order, and at once at a second signal or when it takes too long.
func stopAll(children []*child, died chan error, signals <-chan os.Signal, out *lines) error {
	out.print("stopping: leaderships are handed over\n")
	var stopped sync.WaitGroup
	for _, c := range children {
		c.terminate()
		stopped.Go(func() { <-c.gone })
	}
	all := make(chan struct{})
	go func() { stopped.Wait(); close(all) }()
	select {
	case <-all:
		return nil
	case <-signals:
		return errors.New("stopped at once")
	case <-time.After(drainWithin):
		return fmt.Errorf("not all nodes stopped within %s; those left were killed", drainWithin)
	}
}
