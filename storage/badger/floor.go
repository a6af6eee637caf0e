package badger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// floor is a small file beside Badger's that says how far the store has come. Badger drops the end of its log if it cannot read it, and
// opens without a word; a replica would have forgotten what it acknowledged. A store that does not reach its floor has lost history.
//
//	0          8          12
//	+----------+----------+
//	| number:8 | crc32c:4 |   number of the last durable transaction
//	+----------+----------+
//
// It is written after every transaction and synced once in a while, so that after a killed process it is exact, and after a power cut it may
// lag by floorSync: it is never ahead.
type floor struct {
	file   *os.File
	dirty  bool
	synced time.Time
}

const (
	floorName = "FLOOR"
	floorSize = 12
	floorSync = time.Second
)

// errNoFloor tells that there is no floor file that says anything.
var errNoFloor = errors.New("the file " + floorName + " is missing or damaged")

// openFloor opens the floor of a directory and returns how far the store must reach: errNoFloor if that is not known.
func openFloor(dir string) (*floor, uint64, error) {
	file, err := os.OpenFile(filepath.Join(dir, floorName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	f := &floor{file: file, synced: time.Now()}
	b := make([]byte, floorSize)
	if _, err := file.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, errors.Join(err, file.Close())
	}
	if crc32.Checksum(b[:8], castagnoli) != binary.BigEndian.Uint32(b[8:]) {
		return f, 0, errNoFloor
	}
	return f, binary.BigEndian.Uint64(b), nil
}

// raise notes a transaction that is durable.
func (f *floor) raise(version uint64) error {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, floorSize), version)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if _, err := f.file.WriteAt(b, 0); err != nil {
		return fmt.Errorf("storage/badger: note transaction %d: %w", version, err)
	}
	f.dirty = true
	if time.Since(f.synced) < floorSync {
		return nil
	}
	return f.sync()
}

func (f *floor) sync() error {
	if !f.dirty {
		return nil
	}
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("storage/badger: sync %s: %w", floorName, err)
	}
	f.dirty, f.synced = false, time.Now()
	return nil
}

func (f *floor) close() error { return errors.Join(f.sync(), f.file.Close()) }

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
