package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/web"
)

// admin is an operator's connection to a node, by the address of its health and metrics.
type admin struct{ address, token string }

// flag gives a command and those below it the flags for the address and the token.
func (a *admin) flag(c *cobra.Command) {
	address := os.Getenv("TROUPE_ADMIN_ADDRESS")
	if address == "" {
		address = "127.0.0.1:9094"
	}
	c.PersistentFlags().StringVar(&a.address, "address", address, "metrics.listen of a node (also TROUPE_ADMIN_ADDRESS)")
	// not the flag's default, which help shows
	c.PersistentFlags().StringVar(&a.token, "token", "", "the node's admin.token, if it has one (also TROUPE_ADMIN_TOKEN)")
}

// ask asks the node and reads its answer.
func (a *admin) ask(ctx context.Context, method, path string, q url.Values, answer any) error {
	u := strings.TrimSuffix(a.address, "/") + path + "?" + q.Encode()
	if !strings.Contains(a.address, "://") {
		u = "http://" + u
	}
	r, err := http.NewRequestWithContext(ctx, method, u, nil)
	if err != nil {
		return err
	}
	if token := cmp.Or(a.token, os.Getenv("TROUPE_ADMIN_TOKEN")); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return failure{fmt.Errorf("no node answers at %s (give --address, a node's metrics.listen): %w", a.address, errors.Unwrap(err))}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return failure{err}
	}
	if resp.StatusCode != http.StatusOK {
		return failure{errors.New(strings.TrimSpace(string(body)))}
	}
	return json.Unmarshal(body, answer)
}

func clusterCommand() *cobra.Command {
	a := &admin{}
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Look at a running cluster and operate it",
		Long: `Looks at a running cluster and operates it, by any of its nodes. What changes something is taken only from the machine that
the node runs on.`,
	}
	a.flag(c)
	c.AddCommand(statusCommand(a), maintenanceCommand(a), canRestartCommand(a), recoverCommand(a),
		joinCommand(), decommissionCommand(a), replaceCommand(a), movesCommand(a))
	return c
}

func statusCommand(a *admin) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "status", Short: "How the cluster is: nodes, leaders, and everything that is not as it should be, with the reason", Args: cobra.NoArgs,
		Long: "Tells how the cluster is. Exit code 1 if it is not healthy.",
		RunE: func(c *cobra.Command, _ []string) error {
			var raw json.RawMessage
			if err := a.ask(c.Context(), http.MethodGet, "/admin/status", nil, &raw); err != nil {
				return err
			}
			var status health.Cluster
			if err := json.Unmarshal(raw, &status); err != nil {
				return failure{err}
			}
			if asJSON {
				fmt.Fprintln(c.OutOrStdout(), string(raw))
			} else {
				printStatus(c.OutOrStdout(), status)
			}
			if !status.Healthy {
				return failure{errors.New("the cluster is not healthy")}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return c
}

func maintenanceCommand(a *admin) *cobra.Command {
	return &cobra.Command{
		Use: "maintenance on|off NODE", Short: "Move a node's leaderships away and keep them away, or let them return",
		Long: `Puts a node into maintenance: its leaderships move to other nodes and stay there, over restarts of the node too, until
maintenance is switched off. Its replicas stay, follow and count. See that all have moved by "troupe cluster status".`,
		Args: cobra.ExactArgs(2), ValidArgs: []string{"on", "off"},
		RunE: func(c *cobra.Command, args []string) error {
			if args[0] != "on" && args[0] != "off" {
				return fmt.Errorf("say on or off, not %q", args[0])
			}
			on := args[0] == "on"
			if err := a.ask(c.Context(), http.MethodPost, "/admin/maintenance", url.Values{"node": {args[1]}, "on": {fmt.Sprint(on)}}, &struct{}{}); err != nil {
				return err
			}
			if on {
				fmt.Fprintf(c.OutOrStdout(), "node %s is in maintenance: its leaderships are moving away\n", args[1])
			} else {
				fmt.Fprintf(c.OutOrStdout(), "node %s is active: leaderships that prefer it return once it has been up and in sync for a moment\n", args[1])
			}
			return nil
		},
	}
}

func canRestartCommand(a *admin) *cobra.Command {
	return &cobra.Command{
		Use: "can-restart NODE", Short: "Whether stopping a node now is safe, and why not", Args: cobra.ExactArgs(1),
		Long: `Reports whether a node can be stopped now without any partition losing its majority, or writes with acks=all being refused. Exit
code 0 if so; else 1, with a line for each partition that speaks against it.`,
		RunE: func(c *cobra.Command, args []string) error {
			var answer web.RestartAnswer
			if err := a.ask(c.Context(), http.MethodGet, "/admin/can-restart", url.Values{"node": {args[0]}}, &answer); err != nil {
				return err
			}
			if answer.Safe {
				fmt.Fprintf(c.OutOrStdout(), "node %s can be stopped\n", args[0])
				return nil
			}
			for _, r := range answer.Reasons {
				fmt.Fprintln(c.OutOrStdout(), r)
			}
			return failure{fmt.Errorf("node %s should not be stopped now", args[0])}
		},
	}
}
