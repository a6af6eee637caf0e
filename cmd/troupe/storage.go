package main

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/cmd/troupe/storage"
)

func storageCommand() *cobra.Command {
	c := &cobra.Command{Use: "storage", Short: "Look at what a node has stored"}
	c.AddCommand(verifyCommand(), restoredCommand())
	return c
}

func verifyCommand() *cobra.Command {
	var dir, address string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Read all that a node has stored and print what that proves",
		Long: `Reads every entry and every checkpoint of every replica, compares each with its length and checksum, and prints what was proved: which replicas,
which entries, how many bytes, where something is not what was written, and whether the store reaches as far as it must. Exit code 0 if all is whole, 1 if
not. The node must be stopped, unless --address names it. Nothing in its directory is written, whatever is wrong there; a few MiB are copied to the
directory for temporary files (TMPDIR).`,
		Example: "  troupe storage verify --dir ./data\n  troupe storage verify --address 127.0.0.1:9094   # a running node's metrics.listen, on its own machine",
		Args:    cobra.NoArgs,
	}
	c.Flags().StringVar(&dir, "dir", "data", "data directory of a stopped node")
	c.Flags().StringVar(&address, "address", "", "metrics.listen of a running node")
	c.MarkFlagsMutuallyExclusive("dir", "address")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		r := &storage.Report{Out: c.OutOrStdout(), Progress: c.ErrOrStderr()}
		err := error(nil)
		if address != "" {
			err = storage.Running(ctx, address, r)
		} else {
			err = storage.Stopped(ctx, dir, r)
		}
		if err != nil {
			return failure{err}
		}
		return nil
	}
	return c
}

func restoredCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "restored",
		Short: "Have a node use a data directory that was restored from a backup",
		Long: `Says that a data directory, and those of all other nodes, were restored from backups and are to be used as they are. Without that the nodes tell
each other that their disks went back in time, and none uses its own. The node must be stopped. Do this for every node of the cluster before you start
the first one; if only some disks were restored, do not do it: such a node is filled anew by the others. What was acknowledged after the first of the
disks was saved may be gone.`,
		Example: "  troupe storage restored --dir ./data",
		Args:    cobra.NoArgs,
	}
	c.Flags().StringVar(&dir, "dir", "data", "data directory of a stopped node")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := storage.Restored(dir, c.OutOrStdout()); err != nil {
			return failure{err}
		}
		return nil
	}
	return c
}
