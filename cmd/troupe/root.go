package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/cmd/troupe/config"
	"github.com/troupe-mq/troupe/raft/metadata"
)

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "troupe",
		Short:         "A Kafka-compatible broker: every partition its own Raft group, acknowledged means fsynced on a majority",
		Example:       "  troupe server                        # a cluster of one: port 9092, data in ./data\n  troupe server --config troupe.yaml   # a member of a cluster\n  troupe dev                           # a cluster of three on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(serverCommand(), devCommand(), simCommand(), clusterCommand(), topicCommand(), storageCommand(), &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), version()) },
	})
	return c
}

func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "(devel)"
}

func serverCommand() *cobra.Command {
	var file string
	var check bool
	var set []string
	c := &cobra.Command{Use: "server", Short: "Run a node", Args: cobra.NoArgs, Long: serverHelp()}
	c.Flags().StringVar(&file, "config", os.Getenv("TROUPE_CONFIG"), "troupe.yaml, or a server.properties of Kafka, to read")
	c.Flags().BoolVar(&check, "check-config", false, "say everything that is wrong (exit code 2) or print the effective configuration, and stop")
	c.Flags().StringArrayVar(&set, "set", nil, "name=value, for any of Kafka's broker settings")
	for _, s := range config.Settings {
		c.Flags().String(s.Flag(), s.Default, s.Doc)
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		flags := map[string]string{}
		for _, s := range config.Settings {
			if f := c.Flags().Lookup(s.Flag()); f.Changed {
				flags[s.Name] = f.Value.String()
			}
		}
		cfg, err := config.Load(config.Sources{File: file, Environ: os.Environ(), Flags: flags, Set: set, Catalog: catalog})
		if err != nil {
			return fmt.Errorf("the configuration is wrong:\n%w", err)
		}
		if check {
			for _, w := range cfg.Warnings {
				fmt.Fprintln(c.ErrOrStderr(), "warning:", w)
			}
			fmt.Fprint(c.OutOrStdout(), cfg)
			return nil
		}
		return serve(c.Context(), cfg)
	}
	return c
}

// catalog holds Kafka's settings against the table that the broker itself uses.
var catalog = config.Catalog{
	Known: func(name string) bool { return metadata.BrokerConfigOf(name) != nil },
	Unused: func(name string) bool {
		c := metadata.BrokerConfigOf(name)
		_, ours := config.Find(name)
		return c != nil && c.Unused && !ours
	},
	Validate: func(name, value string) error {
		if err := metadata.ValidateBrokerConfig(name, value); err != nil {
			return err
		}
		return nil
	},
}

func serverHelp() string {
	return `Runs a node. Without settings: a cluster of one, Kafka on 9092, peers on 9093 and 9095 (loopback only),
/healthz and /readyz on 9094, data in ./data. Every setting is a key of troupe.yaml, a flag, and a variable
(node.id: TROUPE_NODE_ID); a flag wins over a variable, a variable over the file.
SIGTERM, SIGINT or SIGHUP hands leaderships over and stops; a second one stops at once, exit code 1.
Started under nohup it goes on after SIGHUP.`
}
