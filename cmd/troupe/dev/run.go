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
	// after a node died; twice as long each time that it dies soon after its start
	startAgain  = 2 * time.Second
	startLatest = 30 * time.Second // the longest that grows to
	settled     = 10 * time.Second // a node that has run that long is well again
)

// cluster is what runs.
type cluster struct {
	options  Options
	out      *lines
	died     chan *child
	again    chan Node
	children map[int]*child // by the node's id
	ready    bool
	revived  map[int]revival // by the node's id
}

// revival is a node that was started again.
type revival struct {
	at    time.Time
	pause time.Duration // before that
}

// next is the pause before the next start of a node that died now.
func (r revival) next(now time.Time) time.Duration {
	if r.pause == 0 || now.Sub(r.at) >= settled {
		return startAgain
	}
	return min(2*r.pause, startLatest)
}

// Run runs the cluster until a signal comes or ctx ends. The first signal stops the nodes in good
// order, the second at once. A node that dies once the cluster is ready is started again, as often
// as it takes, so that one can see what a kill -9 does; one that ends by itself before ends the
// cluster.
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
		died: make(chan *child, len(nodes)), again: make(chan Node, len(nodes)), children: map[int]*child{}, revived: map[int]revival{},
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
			c.revive(n)
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

// revive starts a node again, or says why it could not be, and tries once more later.
func (c *cluster) revive(n Node) {
	r := c.revived[n.ID]
	r.at = time.Now()
	c.revived[n.ID] = r
	if err := c.start(n); err != nil {
		c.later(n, fmt.Sprintf("node %d could not be started (%v)", n.ID, err))
	}
}

// bury has a dead node started again if the cluster was ready.
func (c *cluster) bury(dead *child) error {
	if !c.ready {
		return dead.obituary()
	}
	c.later(dead.node, fmt.Sprintf("node %d ended by itself (%s)", dead.node.ID, dead.how()))
	return nil
}

// later has a node started after a pause.
func (c *cluster) later(n Node, why string) {
	pause := c.revived[n.ID].next(time.Now())
	c.revived[n.ID] = revival{at: time.Now(), pause: pause}
	c.out.print(fmt.Sprintf("%s: the others go on, it is started again in %s\n", why, pause))
	time.AfterFunc(pause, func() { c.again <- n })
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
