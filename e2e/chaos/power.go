//go:build linux

package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// controls count what became of files that say whether a power loss takes what it must and leaves
// what it must.
type controls struct {
	losses int // of power, by disk
	lost   int // files that nobody synced, gone
}

// check tells what the power losses took, and complains if all of them together took nothing.
func (c controls) check(t testing.TB) {
	t.Helper()
	if c.losses > 0 {
		t.Logf("%d disks lost power; of as many files that were synced none was lost, of as many that were not %d", c.losses, c.lost)
	}
	if c.losses > 0 && c.lost == 0 {
		t.Errorf("%d disks lost power and not one file that nobody had synced was lost: this proves nothing", c.losses)
	}
}

// powerLoss takes the power of nodes. The network goes first, so that whatever anybody has heard
// from them was said before: a sync that is under way while the disk goes may be answered although
// nothing was written, and no such answer must leave its host.
func (r *Run) powerLoss(f *Fault, w what) {
	r.t.Helper()
	if w == end {
		r.powerBack(f)
		return
	}
	for _, n := range f.Nodes {
		r.thaw(n)
		if r.held[n] == 0 {
			r.node(n).Doomed() // it may end before it is killed, over a disk that fails
		}
		if r.dark[n] == 0 {
			r.must(fmt.Sprintf("control files of node %d", n), writeControls(r.lab.Host(n).Disk.Dir))
		}
	}
	r.net(f, begin)
	for _, n := range f.Nodes {
		if r.dark[n]++; r.dark[n] == 1 {
			r.must(fmt.Sprintf("cut the power of node %d", n), r.lab.Host(n).Disk.Cut())
		}
	}
	for _, n := range f.Nodes {
		if r.held[n]++; r.held[n] == 1 {
			r.node(n).Crash()
		}
	}
}

func (r *Run) powerBack(f *Fault) {
	r.t.Helper()
	for _, n := range f.Nodes {
		if r.dark[n]--; r.dark[n] > 0 {
			continue
		}
		disk := r.lab.Host(n).Disk
		r.must(fmt.Sprintf("mount the disk of node %d", n), disk.Restore())
		if r.full[n] == 0 {
			r.must(fmt.Sprintf("give back space of node %d", n), disk.Empty())
		}
		lost, err := readControls(disk.Dir)
		r.must(fmt.Sprintf("control files of node %d", n), err)
		r.power.losses++
		if lost {
			r.power.lost++
		}
	}
	r.net(f, end)
	for _, n := range f.Nodes {
		r.start(n)
	}
}

var controlContent = bytes.Repeat([]byte("0123456789abcdef"), 1<<14)

// writeControls writes a file that is synced, and one that is not.
func writeControls(dir string) error {
	_ = os.Remove(filepath.Join(dir, "unsynced")) // of the loss before
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "synced"), controlContent, 0o600),
		syncFile(filepath.Join(dir, "synced")), syncFile(dir),
		os.WriteFile(filepath.Join(dir, "unsynced"), controlContent, 0o600),
	)
}

// readControls reports whether the file that was not synced is lost. It is an error if the other
// one is.
func readControls(dir string) (lost bool, err error) {
	synced, err := os.ReadFile(filepath.Join(dir, "synced"))
	if err != nil || !bytes.Equal(synced, controlContent) {
		return false, fmt.Errorf("a file that was synced is not there after the power loss (%d bytes of %d): %w", len(synced), len(controlContent), err)
	}
	unsynced, _ := os.ReadFile(filepath.Join(dir, "unsynced"))
	return !bytes.Equal(unsynced, controlContent), nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
