package badger

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// On a file system in memory a store that was not closed opens as it is: a copy of its files would
// not fit where the disk is full, and would tell nothing.
func TestAFileSystemInMemoryIsBelieved(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("this process may not mount: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if !inMemory(dir) {
		t.Error("tmpfs is not recognised")
	}
	log := filepath.Join(dir, "000001.vlog")
	if err := os.WriteFile(log, bytes.Repeat([]byte{7}, 700<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := forgetUnsynced(dir); err != nil {
		t.Errorf("there is no room for a copy, and none is needed: %v", err)
	}
}
