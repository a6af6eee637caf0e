package badger

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"

	"github.com/troupe-mq/troupe/storage"
)

// checkTables reads the tables of Badger's tree before Badger does, which panics over a damaged one, at open or later in a goroutine of its own, or leaves it
// out. They hold keys and small values, so that is little to read. What a damaged one held cannot be told, so nothing can be said of the store.
func checkTables(dir string) error {
	files, _ := filepath.Glob(filepath.Join(dir, "*.sst")) // fails only for a bad pattern
	for _, f := range files {
		if err := checkTable(f); err != nil {
			return fmt.Errorf("%w: the table %s is damaged (%v), and what it held cannot be told: this disk must be replaced, "+
				"and the other nodes told that it is lost", storage.ErrCorrupt, filepath.Base(f), err)
		}
	}
	return nil
}

func checkTable(file string) (err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	id, _ := table.ParseFileID(filepath.Base(file))
	defer func() {
		if cause := recover(); cause != nil { // Badger's reader does not expect damage everywhere
			err = fmt.Errorf("%v", cause)
		}
	}()
	t, err := table.OpenInMemoryTable(data, id, &table.Options{ChkMode: options.OnBlockRead, Compression: options.None})
	if err != nil {
		return err
	}
	return t.VerifyChecksum()
}
