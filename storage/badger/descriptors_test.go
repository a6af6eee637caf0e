package badger

import (
	"bytes"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoRoomWithoutDescriptors takes the descriptors away from a store that is open, and gives them
// back.
func TestNoRoomWithoutDescriptors(t *testing.T) {
	var log bytes.Buffer
	o := testOptions(t, t.TempDir())
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) }()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	if r := s.Room(); r.Free == 0 || r.Total == 0 {
		t.Fatalf("there is no room: %+v", r)
	}
	d, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(d)
	scarce := before
	scarce.Cur = uint64(d + 5)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &scarce); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if r := s.Room(); r.Free != 0 || r.Total == 0 {
			t.Errorf("with five descriptors left there is room: %+v", r)
		}
	}
	if n := strings.Count(log.String(), "run out of descriptors"); n != 1 {
		t.Errorf("it was told %d times: %s", n, &log)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if r := s.Room(); r.Free == 0 {
		t.Errorf("there is no room after there are descriptors again: %+v", r)
	}
}
