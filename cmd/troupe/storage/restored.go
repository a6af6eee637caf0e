package storage

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/troupe-mq/troupe/storage/badger"
)

// Restored notes in the data directory of a node that does not run that it was restored from a
// backup, with those of all other nodes, and is to be used as it is.
func Restored(dir string, out io.Writer) error {
	at := filepath.Join(dir, "store")
	if _, err := os.Stat(at); err != nil {
		return fmt.Errorf("%s is not the data directory of a node: %w", dir, err)
	}
	var failed error
	s, err := badger.Open(badger.Options{Dir: at, Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { failed = err }})
	if err != nil {
		return err
	}
	n, err := s.Node()
	if err == nil {
		err = s.WriteNode(n.Restored())
	}
	if err := errors.Join(err, failed, s.Close()); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is used as it is when node %d starts. Do the same for all other nodes before you start the first one.\n", dir, n.NodeID)
	return nil
}
