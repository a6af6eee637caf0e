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

// floor is a small file beside Badger's that says how far the store has come. Badger drops the end
// of its log if it cannot read it, and opens without a word; a replica would have forgotten what it
// acknowledged. A store that does not reach its floor has lost history.
//
// The number stands in two slots, each in a block of its own, so that no damage to one block takes
// it away: the largest number of those slots that are whole counts. It only grows, so it orders the
// slots.
//
//	0          8          12    4096       4104       4108  8192       8200       8204
//	+----------+----------+-----+----------+----------+-----+----------+----------+
//	| number:8 | crc32c:4 |  0  | number:8 | crc32c:4 |  0  | closed:8 | crc32c:4 |
//	+----------+----------+-----+----------+----------+-----+----------+----------+
//
// number is that of the last durable transaction. closed is the number at which the store was last
// closed with all that it held synced; zeros while it is open. Older builds wrote and read the
// first slot alone, and can go on with this file.
//
// The slots are written after every transaction and synced once in a while, so that after a killed
// process they are exact, and after a power cut they may lag by floorSync: they are never ahead.
type floor struct {
	file   *os.File
	dirty  bool
	synced time.Time
	slots  [secondSlot + slotSize]byte // what raise writes
}

const (
	floorName  = "FLOOR"
	floorSync  = time.Second
	slotSize   = 12
	secondSlot = 4096
	closedSlot = 2 * secondSlot
)

// errNoFloor tells that there is no floor file that says anything.
var errNoFloor = errors.New("the file " + floorName + " is missing or damaged")

// reading is what a floor file says.
type reading struct {
	known   bool   // a slot is whole
	number  uint64 // that the store must reach, if known
	damaged bool   // one of the slots is not whole, and the other one is
	closed  bool   // the store was closed at number, and nothing was written since
}

func readFloor(file io.ReaderAt) (r reading, err error) {
	b := make([]byte, closedSlot+slotSize)
	n, err := file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return r, err
	}
	first, whole := slot(b)
	second, whole2 := slot(b[secondSlot:])
	// as older builds wrote it
	alone := n < secondSlot+slotSize || [slotSize]byte(b[secondSlot:]) == [slotSize]byte{}
	r.known = whole || whole2
	r.number = max(first, second)
	r.damaged = r.known && (!whole || !whole2 && !alone)
	closed, whole3 := slot(b[closedSlot:])
	r.closed = r.known && whole3 && closed == r.number
	return r, nil
}

// slot reads a number; 0 if its checksum is wrong.
func slot(b []byte) (number uint64, whole bool) {
	if crc32.Checksum(b[:8], castagnoli) != binary.BigEndian.Uint32(b[8:]) {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

func putSlot(b []byte, number uint64) {
	binary.BigEndian.PutUint64(b, number)
	binary.BigEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli))
}

// openFloor opens the floor of a directory, making it if it is missing, and returns what it says.
func openFloor(dir string) (*floor, reading, error) {
	file, err := os.OpenFile(filepath.Join(dir, floorName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, reading{}, err
	}
	r, err := readFloor(file)
	if err != nil {
		return nil, r, errors.Join(err, file.Close())
	}
	return &floor{file: file, synced: time.Now()}, r, nil
}

// begin notes, durably, that the store is open: whatever is written from now on may be lost until
// it is closed. It is called before anything is.
func (f *floor) begin() error {
	if _, err := f.file.WriteAt(make([]byte, slotSize), closedSlot); err != nil {
		return fmt.Errorf("storage/badger: note that the store is open: %w", err)
	}
	f.dirty = true
	return f.sync()
}

// raise notes a transaction that is durable.
func (f *floor) raise(version uint64) error {
	putSlot(f.slots[:], version)
	putSlot(f.slots[secondSlot:], version)
	if _, err := f.file.WriteAt(f.slots[:], 0); err != nil {
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

// seal notes that all up to a transaction is synced and the store is closed.
func (f *floor) seal(version uint64) error {
	b := make([]byte, slotSize)
	putSlot(b, version)
	if err := errors.Join(f.raise(version), f.sync()); err != nil {
		return err
	}
	if _, err := f.file.WriteAt(b, closedSlot); err != nil {
		return fmt.Errorf("storage/badger: note that the store is closed: %w", err)
	}
	f.dirty = true
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
