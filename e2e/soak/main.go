// Command soak writes to a cluster of real processes at full speed while retention.bytes keeps its
// logs at a fixed size, and prints what that takes of the disks: how many times of what is live,
// and how many bytes are written to the device for one that a producer sent. It fails if a disk
// ever takes more than --most times of what is live.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/troupe-mq/troupe/e2e/program"
)

// config is what a soak is told.
type config struct {
	length     time.Duration
	nodes      int
	partitions int
	retainMiB  int64
	valueBytes int
	rateMiB    float64
	most       float64
	every      time.Duration
}

func main() {
	var c config
	flag.DurationVar(&c.length, "for", time.Hour, "how long to write")
	flag.IntVar(&c.nodes, "nodes", 3, "nodes of the cluster; every partition has a replica on each, three at most")
	flag.IntVar(&c.partitions, "partitions", 4, "partitions that are written to")
	flag.Int64Var(&c.retainMiB, "retain", 256, "MiB that are kept of each partition (retention.bytes)")
	flag.IntVar(&c.valueBytes, "value", 4096, "bytes of a record's value")
	flag.Float64Var(&c.rateMiB, "rate", 0, "MiB a second that are sent; 0: as fast as they are taken")
	flag.Float64Var(&c.most, "most", 1.8, "most times of what is live that a node's disk may take")
	flag.DurationVar(&c.every, "every", 5*time.Second, "time between two looks at the disks")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := program.Guarded("soak", func(h *program.Host) error { return soak(ctx, h, c) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
