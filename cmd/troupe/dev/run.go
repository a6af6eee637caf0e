package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	drainWithin = 15 * time.Second
	startAgain  = 2 * time.Second  // after a node died
	settled     = 10 * time.Second // a node that dies sooner after that is given up
)

// cluster is what runs.
type cluster struct {
	options  Options
	out      *lines
	died     chan *child
	again    chan Node
	children map[int]*child // by the node's id
	ready    bool
	revived  map[int]time.Time // when nodes were started again
}

// Run runs the cluster until a signal comes or ctx ends. The first signal stops the nodes in good order, the second at once. A node
// that dies while the cluster is ready is started again, so that one can see what a kill -9 does; one that cannot start ends the cluster.
func Run(ctx context.Context, o Options, signals <-chan os.Signal) error {
	if o.Nodes < 1 {
		return fmt.Errorf("%d nodes: one at least", o.Nodes)
	}
	nodes := o.nodes()
	err := within(nodes)
	if err == nil {
		err = free(nodes)
	}
	if err != nil {
		return err
	}
	c := &cluster{
		options: o, out: &lines{w: o.Out, color: o.Color},
		died: make(chan *child, len(nodes)), again: make(chan Node, len(nodes)), children: map[int]*child{}, revived: map[int]time.Time{},
	}
	defer c.killAll()
	begin := time.Now()
	for _, n := range nodes {
		if err := c.start(n); err != nil {
			return err
		}
	}
	ready := make(chan error, 1)
	go func() { ready <- awaitReady(ctx, nodes) }()
	for {
		var err error
		select {
		case err = <-ready:
			if err == nil {
				c.ready = true
				c.out.print(c.welcome(nodes, time.Since(begin)))
			}
		case dead := <-c.died:
			err = c.bury(dead)
		case n := <-c.again:
			c.revived[n.ID] = time.Now()
			err = c.start(n)
		case <-ctx.Done():
			return c.stopAll(signals)
		case <-signals:
			return c.stopAll(signals)
		}
		if err != nil {
			return err
		}
	}
}

func (c *cluster) start(n Node) error {
	started, err := start(c.options, n, c.out, c.died)
	if err == nil {
		c.children[n.ID] = started
	}
	return err
}

// bury has a dead node started again if it was well.
func (c *cluster) bury(dead *child) error {
	if !c.ready || time.Since(c.revived[dead.node.ID]) < settled {
		return dead.obituary()
	}
	c.out.print(fmt.Sprintf("node %d ended by itself (%s): the others go on, it is started again in %s\n", dead.node.ID, dead.how(), startAgain))
	time.AfterFunc(startAgain, func() { c.again <- dead.node })
	return nil
}

// stopAll stops the nodes in good order, and at once at a second signal or when it takes too long.
func (c *cluster) stopAll(signals <-chan os.Signal) error {
	c.out.print("stopping: leaderships are handed over\n")
	var stopped sync.WaitGroup
	for _, child := range c.children {
		child.terminate()
		stopped.Go(func() { <-child.gone })
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

// killAll ends what is left, and waits for it.
func (c *cluster) killAll() {
	for _, child := range c.children {
		child.kill()
	}
}
