package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/actors/node"
)

func replaceCommand(a *admin) *cobra.Command {
	accepted := false
	c := &cobra.Command{
		Use: "replace NODE", Short: "Declare the disk of a node lost, so that it can come back with an empty one", Args: cobra.ExactArgs(1),
		Long: `Declares the data directory of a node lost for good: nothing that was on it counts any more, and a process that still uses it ends. Then start the node
anew under the same id with an empty directory, with the same peers or with join: it is let in and receives its replicas again. If the node will not
come back at all, decommission it instead; a node that is being decommissioned stays so.

Partitions of which the node has the only replica lose what they hold, and those with two replicas stop until they are recovered. They are named, and
it asks, before it acts.`,
		RunE: func(c *cobra.Command, args []string) error {
			q := url.Values{"node": {args[0]}}
			var r node.Replacement
			if err := a.ask(c.Context(), http.MethodGet, "/admin/replace", q, &r); err != nil {
				return err
			}
			if err := confirmReplace(c, args[0], r, accepted); err != nil {
				return err
			}
			if err := a.ask(c.Context(), http.MethodPost, "/admin/replace", q, &struct{}{}); err != nil {
				return err
			}
			if r.Draining {
				fmt.Fprintf(c.OutOrStdout(), "the data directory of node %s counts as lost; the node is still being decommissioned, do not start it again\n", args[0])
				return nil
			}
			fmt.Fprintf(c.OutOrStdout(), "the data directory of node %s counts as lost: start the node with an empty one\n", args[0])
			return nil
		},
	}
	c.Flags().BoolVar(&accepted, "accept-data-loss", false, "do not ask")
	return c
}

// confirmReplace tells what is lost with a node's disk, and has the operator agree to it; nothing
// is asked if nothing is lost.
func confirmReplace(c *cobra.Command, id string, r node.Replacement, accepted bool) error {
	if len(r.Consequences) == 0 {
		return nil
	}
	fmt.Fprintf(c.OutOrStdout(), "without what is on the disk of node %s:\n", id)
	for _, line := range r.Consequences {
		fmt.Fprintf(c.OutOrStdout(), "  %s\n", line)
	}
	if accepted {
		return nil
	}
	fmt.Fprintf(c.OutOrStdout(), "\nIf there is any way to bring the disk back, do that. Type %q to go on: ", acceptance)
	line, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	if strings.TrimSpace(line) != acceptance {
		return failure{errors.New("nothing was done")}
	}
	return nil
}
