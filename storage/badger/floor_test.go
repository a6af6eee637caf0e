package badger

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/troupe-mq/troupe/storage"
)

// TestAnyFlippedBitOfTheFloor flips each bit of the slots in turn: the other slot tells how far the
// store must reach.
func TestAnyFlippedBitOfTheFloor(t *testing.T) {
	dir := filled(t)
	path := filepath.Join(dir, floorName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, secondSlot, closedSlot} {
		for bit := range 8 * slotSize {
			b := []byte(string(whole))
			b[at+bit/8] ^= 1 << (bit % 8)
			r, err := readFloor(strings.NewReader(string(b)))
			closed := at != closedSlot
			if want := (reading{known: true, number: 3, damaged: closed, closed: closed}); err != nil || r != want {
				t.Fatalf("bit %d of the slot at %d: %+v, want %+v (%v)", bit, at, r, want, err)
			}
		}
	}
	for _, at := range []int64{2, secondSlot + 2} {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt([]byte{0xff}, at)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		s := opened(t, dir)
		if len(s.Suspect()) > 0 || len(s.Mended()) != 1 || s.Floor() < 3 {
			t.Errorf("a damaged slot at %d: suspect %v, mended %v, floor %d", at, s.Suspect(), s.Mended(), s.Floor())
		}
		written(t, s, newRetained(storage.ReplicaID(10+at), 8, 100).next(1))
		closed(t, s)
	}
}

// TestTheFloorOfAnOlderBuild opens a store with the one slot that builds before wrote, and has such
// a build go on with the file of this one.
func TestTheFloorOfAnOlderBuild(t *testing.T) {
	dir := filled(t)
	path := filepath.Join(dir, floorName)
	older := make([]byte, slotSize)
	putSlot(older, 3)
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	s := opened(t, dir)
	if len(s.Suspect())+len(s.Mended()) > 0 || s.Floor() != 3 {
		t.Fatalf("suspect %v, mended %v, floor %d", s.Suspect(), s.Mended(), s.Floor())
	}
	written(t, s, newRetained(9, 8, 100).next(1))
	closed(t, s)
	now, err := os.ReadFile(path)
	if err != nil || binary.BigEndian.Uint64(now) != s.version {
		t.Fatalf("an older build would read %x (%v)", now[:slotSize], err)
	}
	putSlot(now, s.version+5) // it wrote its slot alone
	if r, err := readFloor(strings.NewReader(string(now))); err != nil || r.number != s.version+5 || r.damaged || r.closed {
		t.Errorf("after it: %+v, %v", r, err)
	}
	putSlot(older, 99)
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	s = opened(t, dir)
	defer closed(t, s)
	if len(s.Suspect()) != 4 {
		t.Errorf("a store that does not reach the floor of an older build: suspect %v", s.Suspect())
	}
}

// TestOpenIsNotedAndForgotten expects a store that was not closed to be read from the disk when it
// is opened, also where another process keeps a file in memory, and one that was closed not to be.
func TestOpenIsNotedAndForgotten(t *testing.T) {
	dir := t.TempDir()
	killed(t, dir, 0)
	f, said, err := openFloor(dir)
	if err := errors.Join(err, f.file.Close()); err != nil || said.closed {
		t.Fatalf("after a kill: %+v, %v", said, err)
	}
	log, err := os.Open(newest(dir, "*.mem"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	held, err := unix.Mmap(int(log.Fd()), 0, pageBytes, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(held) }()
	before, err := os.ReadFile(log.Name())
	if err != nil || held[0] != before[0] { // which has the page in memory
		t.Fatal(err)
	}
	if err := forgetUnsynced(dir); err != nil {
		t.Fatal(err)
	}
	was, _ := log.Stat()
	is, err := os.Stat(log.Name())
	if err != nil || os.SameFile(was, is) {
		t.Errorf("a file that another process keeps in memory was believed (%v)", err)
	}
	if after, err := os.ReadFile(log.Name()); err != nil || string(after) != string(before) {
		t.Errorf("and is another one now: %v", err)
	}
	s := opened(t, dir)
	checkAcked(t, s, 11)
	closed(t, s)
	_, said, _ = openFloor(dir)
	if !said.closed {
		t.Errorf("after it was closed: %+v", said)
	}
}
