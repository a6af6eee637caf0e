package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/cmd/troupe/config"
	"github.com/troupe-mq/troupe/cmd/troupe/dev"
)

func devCommand() *cobra.Command {
	var fresh bool
	var memory string
	o := dev.Options{Args: func(n dev.Node) []string { return n.ServerArgs() }, Out: os.Stdout, Color: colorful(os.Stdout)}
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run a cluster on this machine",
		Long: `Runs a cluster of several nodes as processes on this machine: node n has Kafka on port 9092+10(n-1), the other
nodes' connections on the next and the third port, health and metrics on the second. Data stays in the directory
and is found again by the next run. A node that ends is started again, with a pause that grows while it keeps ending.
The nodes share the memory that one node would take. Ctrl-C stops them in good order; a second one stops at once.`,
		Example: "  troupe dev\n  troupe dev --nodes 5 --fresh",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			o.Binary = self
			if o.Memory, err = config.MemoryOfEach(memory, o.Nodes); err != nil {
				return fmt.Errorf("--memory = %q: %w", memory, err)
			}
			if fresh {
				if err := forget(o.Dir); err != nil {
					return err
				}
			}
			signals := make(chan os.Signal, 2)
			signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
			if err := dev.Run(context.Background(), o, signals); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	c.Flags().IntVar(&o.Nodes, "nodes", 3, "how many nodes")
	c.Flags().IntVar(&o.BasePort, "base-port", 9092, "Kafka's port on the first node; each next node's is 10 higher")
	c.Flags().StringVar(&o.Dir, "data", filepath.Join("data", "cluster"), "directory of the nodes' data")
	c.Flags().BoolVar(&fresh, "fresh", false, "forget the data of earlier runs")
	c.Flags().StringVar(&memory, "memory", "", "memory of each node, such as 512MiB (default: an equal part of a third of the machine's)")
	c.Flags().StringArrayVar(&o.Set, "set", nil, "name=value, for any of Kafka's broker settings, on every node")
	return c
}

// colorful reports whether colors are wanted: on a terminal, unless NO_COLOR is set (no-color.org).
func colorful(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
}

// forget deletes the data of earlier runs and says so.
func forget(dir string) error {
	nodes, err := filepath.Glob(filepath.Join(dir, "node-*"))
	if err != nil {
		return err
	}
	for _, n := range nodes {
		fmt.Println("deleting", n)
		if err := os.RemoveAll(n); err != nil {
			return err
		}
	}
	return nil
}
