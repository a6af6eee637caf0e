package badger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
)

// checkTables reads the tables of Badger's tree before Badger does, which panics over a damaged
// one, at open or later in a goroutine of its own, or leaves it out. They hold keys and small
// values, so that is little to read. It returns the newest transaction in them. One that is not in
// the list was not finished when the process ended, and is not looked at.
func checkTables(dir string, listed []uint64) (newest uint64, err error) {
	for _, id := range listed {
		f := tableFile(dir, id)
		version, err := checkTable(f)
		if err != nil {
			return 0, gone("the table "+filepath.Base(f), "%v", err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

func tableFile(dir string, id uint64) string { return filepath.Join(dir, fmt.Sprintf("%06d.sst", id)) }

// checkTable reads a table and returns the newest transaction in it.
func checkTable(file string) (version uint64, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	id, _ := table.ParseFileID(filepath.Base(file))
	defer func() {
		if cause := recover(); cause != nil { // Badger's reader does not expect damage everywhere
			err = fmt.Errorf("%v", cause)
		}
	}()
	t, err := table.OpenInMemoryTable(data, id, &table.Options{ChkMode: options.OnBlockRead, Compression: options.None})
	if err != nil {
		return 0, err
	}
	return t.MaxVersion(), t.VerifyChecksum()
}

// CheckTables implements storage.TableChecker. The tables change, so one counts as damaged only if
// it still is one of them.
func (s *Store) CheckTables() (bytes int64, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	for _, t := range s.db.Tables() {
		path := tableFile(s.options.Dir, t.ID)
		_, bad := checkTable(path)
		if bad != nil && slices.ContainsFunc(s.db.Tables(), func(now badger.TableInfo) bool { return now.ID == t.ID }) {
			err = errors.Join(err, gone("the table "+filepath.Base(path), "%v", bad))
		}
		bytes += int64(t.OnDiskSize)
	}
	return bytes, err
}
