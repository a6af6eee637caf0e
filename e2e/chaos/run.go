//go:build linux

package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/hosts"
)

// Run is a cluster that is being broken. Its methods belong to the test's goroutine.
type Run struct {
	Cluster *cluster.Cluster

	t        testing.TB
	lab      *hosts.Lab
	rec      *history.Recorder // of the episode
	episodes int

	links map[*Fault]map[hosts.Path]hosts.Link // what faults that are not over do to the network
	held  map[int]int                          // by node: faults that hold it down
	dark  map[int]int                          // by node: faults that hold its power
	full  map[int]int                          // by node: faults that fill its disk
	cuts  []history.Cut                        // that are not over
	power controls

	resting int // the node in maintenance; 0 is none
}

// Start makes hosts and starts a cluster on them.
func Start(t testing.TB, cfg Config) *Run {
	t.Helper()
	if cfg.Nodes == 0 {
		cfg.Nodes = 3
	}
	if cfg.Disk == 0 {
		cfg.Disk = DefaultDisk
	}
	r := &Run{t: t, links: map[*Fault]map[hosts.Path]hosts.Link{}, held: map[int]int{}, dark: map[int]int{}, full: map[int]int{}}
	r.lab = hosts.New(t, hosts.Options{Hosts: cfg.Nodes, Disk: cfg.Disk, FS: cfg.FS, Dir: cfg.Dir})
	for _, h := range r.lab.Hosts {
		if cfg.lie {
			r.must("make the disk lie", h.Lie())
		}
	}
	options := []cluster.Option{cluster.On(func(id int32) cluster.Machine { return r.lab.Host(int(id)) })}
	for name, value := range cfg.Settings {
		options = append(options, cluster.Set(name, value))
	}
	if cfg.lie {
		options = append(options, cluster.NoVerify())
	}
	r.Cluster = cluster.New(t, cfg.Nodes, options...)
	for _, n := range r.Cluster.Nodes {
		r.launch(n)
	}
	r.Cluster.WaitReady()
	t.Cleanup(r.release)
	return r
}

// launch starts a node for the first time.
func (r *Run) launch(n *cluster.Node) {
	r.t.Helper()
	n.Args(fmt.Sprintf("--disk.free.min.bytes=%d", leastFree))
	n.Start()
}

// release ends what a run that failed has left broken, so that its processes can be ended and its
// disks cleared away.
func (r *Run) release() {
	r.lab.Network.Apply(nil)
	for _, h := range r.lab.Hosts {
		_ = h.Disk.Thaw()
	}
	r.power.check(r.t)
}

func (r *Run) nodes() int { return len(r.lab.Hosts) }

func (r *Run) node(n int) *cluster.Node { return r.Cluster.Node(int32(n)) }

// must ends the run over an error of its own means.
func (r *Run) must(what string, err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%s: %v", what, err)
	}
}

// round breaks what the round says, when it says so, until all of it is over.
func (r *Run) round(round Round) {
	r.t.Helper()
	start := time.Now()
	for _, e := range round.timeline() {
		if wait := time.Until(start.Add(e.at)); wait > 0 {
			<-time.After(wait)
		}
		r.healing()
		r.effect(&round[e.fault], e.what)
		r.broken()
	}
	r.healing()
	for n, count := range r.held {
		if count != 0 {
			r.t.Fatalf("a round is over and %d of its faults hold node %d down: %s", count, n, round)
		}
	}
}

// healing notes that who was cut off up to now may have a majority again.
func (r *Run) healing() {
	for _, c := range r.cuts {
		c.To = time.Now()
		r.rec.Cut(c)
	}
	r.cuts = nil
}

// broken notes who is cut off from now on.
func (r *Run) broken() {
	running := func(n int) bool { return r.held[n] == 0 && r.node(n).Running() }
	cut := cutOff(r.nodes(), replicas/2+1, running, r.network())
	if len(cut) == r.nodes() {
		r.cuts = append(r.cuts, history.Cut{From: time.Now()})
	}
	for _, n := range cut {
		r.cuts = append(r.cuts, history.Cut{Node: int32(n), From: time.Now()})
	}
}

func (r *Run) network() map[hosts.Path]hosts.Link {
	all := make([]map[hosts.Path]hosts.Link, 0, len(r.links))
	for _, l := range r.links {
		all = append(all, l)
	}
	return together(all...)
}
