package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/actors/node"
)

func topicCommand() *cobra.Command {
	a := &admin{}
	c := &cobra.Command{
		Use:   "topic",
		Short: "What Kafka's tools do not know of topics: read-only replicas",
		Long: `Read-only replicas hold the log and serve consumers in their rack. They never vote and never delay a write. Everything else about
topics is Kafka's tools' business: kafka-topics, kafka-configs, kafka-reassign-partitions.`,
	}
	a.flag(c)
	c.AddCommand(describeTopicCommand(a), alterTopicCommand(a), promoteCommand(a))
	return c
}

func describeTopicCommand(a *admin) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "describe TOPIC", Short: "Every replica of a topic, readers among them, and how far it is behind", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var raw json.RawMessage
			if err := a.ask(c.Context(), http.MethodGet, "/admin/topic", url.Values{"topic": {args[0]}}, &raw); err != nil {
				return err
			}
			if asJSON {
				fmt.Fprintln(c.OutOrStdout(), string(raw))
				return nil
			}
			var all []node.ReplicaStatus
			if err := json.Unmarshal(raw, &all); err != nil {
				return failure{err}
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "PARTITION\tNODE\tROLE\tUP\tIN SYNC\tLAG\tBEHIND")
			for _, r := range all {
				fmt.Fprintf(w, "%d\t%d\t%s%s\t%s\t%s\t%s\t%d ms\n", r.Partition, r.Node, r.Role, choose(r.Coming, " (coming)", ""), choose(r.Up, "yes", "NO"),
					choose(r.InSync, "yes", "NO"), choose(r.Lag < 0, "unknown", strconv.FormatInt(r.Lag, 10)), r.BehindMS)
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return c
}

func alterTopicCommand(a *admin) *cobra.Command {
	readers := -1
	c := &cobra.Command{
		Use: "alter TOPIC --read-replicas N", Short: "Give every partition of a topic N read-only replicas", Args: cobra.ExactArgs(1),
		Example: "  troupe topic alter orders --read-replicas 2",
		RunE: func(c *cobra.Command, args []string) error {
			if readers < 0 {
				return errors.New("say how many: --read-replicas 0 takes them away")
			}
			q := url.Values{"topic": {args[0]}, "count": {strconv.Itoa(readers)}}
			if err := a.ask(c.Context(), http.MethodPost, "/admin/read-replicas", q, &struct{}{}); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "every partition of %s gets %d read-only replicas; troupe topic describe %s shows how far they are\n", args[0], readers, args[0])
			return nil
		},
	}
	c.Flags().IntVar(&readers, "read-replicas", -1, "read-only replicas of each partition")
	return c
}

func promoteCommand(a *admin) *cobra.Command {
	return &cobra.Command{
		Use: "promote TOPIC PARTITION NODE", Short: "Have a read-only replica vote, besides those that do", Args: cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			q := url.Values{"topic": {args[0]}, "partition": {args[1]}, "node": {args[2]}}
			if err := a.ask(c.Context(), http.MethodPost, "/admin/promote", q, &struct{}{}); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "the replica of %s-%s on node %s votes once it has the whole log\n", args[0], args[1], args[2])
			return nil
		},
	}
}
