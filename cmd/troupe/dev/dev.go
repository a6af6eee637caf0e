// Package dev runs a cluster of several nodes as processes on one machine.
package dev

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// Options are what a cluster is run with.
type Options struct {
	Binary   string
	Nodes    int
	BasePort int
	Dir      string
	Set      []string // name=value, for every node
	// bytes that each node may use; 0 leaves it to the node, which knows nothing of the others
	Memory int64
	// Args makes a node's command line; Node.ServerArgs is it, tests have others.
	Args func(Node) []string
	Out  io.Writer
	// Color has each node's lines marked in a color of its own.
	Color bool
}

// Node is one node of the cluster.
type Node struct {
	ID    int
	Port  int // Kafka's; control, metrics and bulk are the next three
	Dir   string
	Peers string
	Set   []string

	Memory int64
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
	if n.Memory > 0 {
		args = append(args, fmt.Sprintf("--memory=%d", n.Memory))
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
		all[i] = Node{ID: i + 1, Port: port, Dir: filepath.Join(o.Dir, fmt.Sprintf("node-%d", i+1)), Set: o.Set, Memory: o.Memory}
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
)

// within tells which node's ports there are none of.
func within(nodes []Node) error {
	for _, n := range nodes {
		if last := n.Port + portsUsed - 1; n.Port < 1 || last > 65535 {
			return fmt.Errorf("node %d would need the ports %d to %d: they are 1 to 65535, choose others with --base-port", n.ID, n.Port, last)
		}
	}
	return nil
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
func (c *cluster) welcome(nodes []Node, took time.Duration) string {
	var bootstrap, table []string
	for _, n := range nodes {
		bootstrap = append(bootstrap, fmt.Sprintf("127.0.0.1:%d", n.Port))
		table = append(table, fmt.Sprintf("  node %d: Kafka 127.0.0.1:%d, health http://127.0.0.1:%d/readyz, process %d",
			n.ID, n.Port, n.Port+2, c.children[n.ID].cmd.Process.Pid))
	}
	first := bootstrap[0]
	return fmt.Sprintf(`
ready in %.1f s. Bootstrap servers: %s
%s

  echo hello | kcat -b %s -t greetings -P          # a first message
  kcat -b %s -t greetings -C -e                    # read it
  kafka-console-producer.sh --bootstrap-server %s --topic greetings
  kafka-console-consumer.sh --bootstrap-server %s --topic greetings --from-beginning

kill -9 a node to see the others go on: it is started again. Ctrl-C stops the cluster; its data stays.
`, took.Seconds(), strings.Join(bootstrap, ","), strings.Join(table, "\n"), first, first, first, first)
}
