package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/actors/recovery"
)

// acceptance is what an operator has to type.
const acceptance = "I accept data loss"

func recoverCommand(a *admin) *cobra.Command {
	var lost string
	var accepted bool
	c := &cobra.Command{
		Use: "recover --lost NODE,NODE", Short: "Go on without nodes that are lost for good, although they were a majority: records may be lost", Args: cobra.NoArgs,
		Long: `Brings shards back of which a majority of the replicas is lost for good: in each, the replica with the newest log of those that
are left goes on without the lost ones. What only the lost ones had is lost, acknowledged or not.

It prints what survives and what may be lost, partition by partition, and asks before it acts. It acts on exactly that plan or not at
all, once; __meta keeps a record that "troupe cluster status" shows. Shards that still have a majority are not touched.

Every node that is not named must be up, and none that is named. THE LOST NODES MUST NEVER START AGAIN with their old disks: with a
majority of their own they would go on as a second cluster.`,
		Example: "  troupe cluster recover --lost 2,3",
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{"lost": {lost}}
			var p recovery.Plan
			if err := a.ask(c.Context(), http.MethodGet, "/admin/recover", q, &p); err != nil {
				return err
			}
			printPlan(c.OutOrStdout(), p)
			if len(p.Steps) == 0 {
				return failure{errors.New("there is nothing to recover: every shard that is left has a majority")}
			}
			if !accepted {
				fmt.Fprintf(c.OutOrStdout(), "\nType %q to do this now: ", acceptance)
				line, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
				if strings.TrimSpace(line) != acceptance {
					return failure{errors.New("nothing was done")}
				}
			}
			q.Set("plan", p.ID)
			if err := a.ask(c.Context(), http.MethodPost, "/admin/recover", q, &p); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "done; troupe cluster status shows how it is, and keeps the record")
			return nil
		},
	}
	c.Flags().StringVar(&lost, "lost", "", "nodes that never come back, with commas between")
	c.Flags().BoolVar(&accepted, "accept-data-loss", false, "do not ask")
	_ = c.MarkFlagRequired("lost") // it was added the line above but one
	return c
}

// printPlan tells what a recovery would do and cost.
func printPlan(out io.Writer, p recovery.Plan) {
	fmt.Fprintf(out, "without nodes %v for good: %d shards have lost their majority, %d are not touched\n", p.Lost, len(p.Steps), p.Intact)
	if len(p.Steps) > 0 {
		fmt.Fprint(out, "\nThese go on with the newest log that is left. Records at or behind the end may be lost, acknowledged or not; entries that were not known to be committed count from now on.\n\n")
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "PARTITION\tGOES ON AT NODE\tREPLICA\tLEFT\tEND\tNOT KNOWN TO BE COMMITTED")
		for _, s := range p.Steps {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d of %d\t%d\t%d\n", s.Name, s.Node, s.Replica, s.Left, s.Voters, s.HighWatermark, s.Uncommitted)
		}
		w.Flush()
	}
	if len(p.Gone) > 0 {
		fmt.Fprintf(out, "\nNothing is left of these, and nothing brings them back: %s\n", strings.Join(p.Gone, ", "))
	}
}
