package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

const scaleHelp = `For each number of partitions, starts three nodes on empty directories, creates a topic of that many at replication factor 3, and measures how
long that takes, what the idle nodes use, the latency of 1,000 records a second over all of them, the gaps when a node that leads a third of them
is killed, and how long it takes to come back.`

// Scale is what was measured for some numbers of partitions.
type Scale struct {
	Machine  Machine        `json:"machine"`
	Versions Versions       `json:"versions"`
	Sizes    []*ScaleSample `json:"sizes"`
}

// ScaleSample are the figures of one number of partitions.
type ScaleSample struct {
	Partitions int                `json:"partitions"`
	Figures    map[string]float64 `json:"figures"`
}

func scaleCommand() *cobra.Command {
	o := options{}
	var sizes []int
	c := &cobra.Command{
		Use: "scale", Short: "Many partitions: creation, idle cost, latency, the loss of a node, restart", Long: scaleHelp, Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			s, err := scale(ctx, &o, sizes)
			if s == nil || len(s.Sizes) == 0 {
				return err
			}
			s.print(c.OutOrStdout())
			return errors.Join(err, save(o.JSON, s))
		},
	}
	o.addTo(c)
	c.Flags().IntSliceVar(&sizes, "sizes", []int{1000, 3000, 10000}, "numbers of partitions")
	c.Flags().StringVar(&o.JSON, "json", "", "also write the figures to this file")
	return c
}

func scale(ctx context.Context, o *options, sizes []int) (*Scale, error) {
	if err := o.validateCommon(); err != nil {
		return nil, err
	}
	os.Setenv("E2E_BIN", o.Binary)
	os.Setenv("TMPDIR", o.Dir)
	s := &Scale{Machine: machine(o.Dir)}
	var err error
	if s.Versions, err = versions(o.Binary); err != nil {
		return nil, err
	}
	for _, n := range sizes {
		say("%d partitions", n)
		err := guarded(func(h *host) error {
			b := newBench(o, cluster.New(h, 3, cluster.NoVerify()))
			formed, err := form(ctx, b)
			if err != nil {
				return err
			}
			crowded, err := crowd(int32(n))(ctx, b)
			if err != nil {
				return err
			}
			for name, v := range crowded.Figures {
				formed.Figures[name] = v
			}
			s.Sizes = append(s.Sizes, &ScaleSample{n, formed.Figures})
			return nil
		})
		if err != nil {
			return s, fmt.Errorf("%d partitions: %w", n, err) // what was measured before counts
		}
	}
	return s, nil
}

// print writes one column for each number of partitions.
func (s *Scale) print(w io.Writer) {
	fmt.Fprintf(w, "troupe %s, %s; %s, %d cores, %s, Linux %s, %s; load %s\n\n", s.Versions.Troupe, s.Versions.Go, s.Machine.CPU, s.Machine.Cores,
		s.Machine.Memory, s.Machine.Kernel, s.Machine.FileSystem, s.Machine.Load)
	t := table(w)
	fmt.Fprint(t, "partitions\t")
	for _, size := range s.Sizes {
		fmt.Fprintf(t, "%d\t", size.Partitions)
	}
	fmt.Fprintln(t)
	for _, r := range rowsOfLife {
		for _, f := range r.read {
			fmt.Fprintf(t, "%s, %s\t", f.title, f.unit)
			for _, size := range s.Sizes {
				fmt.Fprintf(t, "%s\t", strconv.FormatFloat(f.of(&Sample{Figures: size.Figures}), 'f', 2, 64))
			}
			fmt.Fprintln(t)
		}
	}
	t.Flush()
}
