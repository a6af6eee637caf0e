package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/e2e/cluster"
)

// moment is what the processes had used and done at one time.
type moment struct {
	nodes  []Usage
	client Usage
	stages []stages.Reading
}

// measure runs once, between two looks at the processes.
func (b *bench) measure(ctx context.Context, p planned, profiled bool) (*Sample, error) {
	before, err := b.look(ctx)
	if err != nil {
		return nil, err
	}
	var written <-chan error
	if profiled {
		written = b.profile(ctx, p.title)
	}
	s, err := p.run(ctx, b)
	if err != nil {
		return nil, err
	}
	after, err := b.look(ctx)
	if err != nil {
		return nil, err
	}
	s.fill(before, after)
	if profiled {
		err = <-written
	}
	return s, err
}

// fill adds what happened between two moments.
func (s *Sample) fill(before, after *moment) {
	s.Client = after.client.since(before.client)
	s.Stages = stages.Reading{}
	for i := range after.nodes {
		s.Nodes = append(s.Nodes, after.nodes[i].since(before.nodes[i]))
		s.Stages = s.Stages.Plus(after.stages[i].Since(before.stages[i]))
	}
}

func (b *bench) look(ctx context.Context) (*moment, error) {
	m := &moment{}
	for _, n := range b.cluster.Nodes {
		u, err := readUsage(n.Pid())
		if err != nil {
			return nil, err
		}
		m.nodes = append(m.nodes, u)
		if b.cluster.Flavor() != "troupe" {
			m.stages = append(m.stages, stages.Reading{})
			continue
		}
		body, err := ask(ctx, n, "/debug/stages")
		if err != nil {
			return nil, err
		}
		var r stages.Reading
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, fmt.Errorf("node %d: /debug/stages: %w", n.ID, err)
		}
		m.stages = append(m.stages, r)
	}
	var err error
	m.client, err = readUsage(os.Getpid())
	return m, err
}

// ask reads from a node's metrics address.
func ask(ctx context.Context, n *cluster.Node, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", n.Ports.Metrics, path), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("node %d: %w", n.ID, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("node %d: %s: %s", n.ID, path, resp.Status)
	}
	return body, err
}
