// Command hostile sends a node what no honest client would for as long as it is told to: task
// hostile -- --help.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/e2e/hostile"
	"github.com/troupe-mq/troupe/e2e/program"
)

const help = `Hostile starts a node with 256 MiB and 512 descriptors and sends it every field of every request of every version at its
extremes, alone and in pairs. It fails, and says what was being sent, if the node ends, if another client is not answered
in time, if the node uses a quarter more memory than it may, or if it holds anything a minute after the last connection
was closed. What it sends follows from --seed.`

func main() {
	if err := command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	p := hostile.Plan{Say: program.Say}
	limits := hostile.Limits{Memory: hostile.Memory * 5 / 4, Settle: time.Minute}
	c := &cobra.Command{
		Use: "hostile", Short: "Send a node what no honest client would", Long: help, Args: cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		Example: "  task hostile -- --for 1h\n  task hostile -- --seed 7 --only 'Produce v13'",
		RunE: func(*cobra.Command, []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
			defer stop()
			return program.Guarded("hostile", func(h *program.Host) error {
				w, target := hostile.Node(h)
				report, err := hostile.Run(ctx, w, target, limits, p)
				program.Say("%d requests, %d MiB of memory at most, another client waited %s at most while this was sent: %s",
					report.Sent, report.Memory>>20, report.Longest.Round(time.Millisecond), report.LongestOf)
				return err
			})
		},
	}
	c.Flags().DurationVar(&p.For, "for", 10*time.Minute, "how long")
	c.Flags().Uint64Var(&p.Seed, "seed", uint64(time.Now().UnixNano()), "what is sent, and in which order")
	c.Flags().IntVar(&p.Cases, "cases", 0, "how many requests at most; 0: no bound")
	c.Flags().IntVar(&p.Clients, "clients", 4, "hostile clients beside each other")
	c.Flags().StringVar(&p.Only, "only", "", "only this API, or this version of it, such as 'Fetch v18'")
	c.Flags().DurationVar(&limits.Answer, "answer", time.Second, "longest that another client may wait")
	return c
}
