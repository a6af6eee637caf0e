//go:build linux

package hosts

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Refusing is a Disk whose blocks can be made to refuse what is written to them, as those of a
// device do that has run out of spare ones. Its image lies in memory that is bounded: once the
// blocks that nobody uses are given back there, and the room is taken by something else, a write to
// one of them is an I/O error to the file system above, while what is written in place, as its
// journal, goes on.
type Refusing struct {
	*Disk
	device string // where the image lies
}

// NewRefusing makes such a disk, which ends with the test.
func NewRefusing(t testing.TB, fs string, size int64) *Refusing {
	t.Helper()
	Need(t)
	if _, err := exec.LookPath("mkfs." + fs); err != nil {
		t.Skipf("mkfs.%s is not installed", fs)
	}
	sweep()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	r := &Refusing{device: filepath.Join(dir, "device"), Disk: &Disk{Dir: filepath.Join(dir, "disk"), fs: fs}}
	r.image = filepath.Join(r.device, "image")
	t.Cleanup(func() {
		_ = r.Disk.close()
		if err := errors.Join(unix.Unmount(r.device, unix.MNT_DETACH), os.RemoveAll(dir)); err != nil {
			t.Errorf("clearing the disk away: %v", err)
		}
	})
	if err := r.build(size); err != nil {
		t.Fatal(err)
	}
	return r
}

// build makes an image that lacks no block, and keeps those that the file system uses.
func (r *Refusing) build(size int64) error {
	if err := errors.Join(os.Mkdir(r.device, 0o755), os.Mkdir(r.Dir, 0o755)); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", r.device, "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", size+1<<20)); err != nil {
		return fmt.Errorf("mount a device: %w", err)
	}
	f, err := os.Create(r.image)
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Fallocate(int(f.Fd()), 0, 0, size), f.Close()); err != nil {
		return err
	}
	mkfs := map[string][]string{
		"ext4": {"mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_journal_init=1", "-b", "4096"}, "xfs": {"mkfs.xfs", "-q", "-f", "-K"},
	}[r.fs]
	if err := run(append(mkfs, r.image)...); err != nil {
		return err
	}
	// what is freed later is not given back, or it would be taken and given to others
	r.options = "loop,noatime"
	return errors.Join(r.mount(), r.single(), r.Trim())
}

// single has each write be of one block: of a larger one that does not fit, the device below writes
// a part and tells that it wrote all.
func (r *Refusing) single() error {
	var s unix.Stat_t
	if err := unix.Stat(r.Dir, &s); err != nil {
		return err
	}
	limit := fmt.Sprintf("/sys/dev/block/%d:%d/queue/max_sectors_kb", unix.Major(s.Dev), unix.Minor(s.Dev))
	return os.WriteFile(limit, []byte("4"), 0)
}

// Restore is that of Disk.
func (r *Refusing) Restore() error { return errors.Join(r.Disk.Restore(), r.single()) }

const trim = 0xc0185879 // FITRIM

// Trim gives the blocks back that the file system does not use. What it then sets aside for a file
// that grows is not written yet, and refuses as well.
func (r *Refusing) Trim() error {
	everything := struct{ start, length, least uint64 }{0, ^uint64(0), 0}
	return r.ask(trim, func(fd int) error {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), trim, uintptr(unsafe.Pointer(&everything))); errno != 0 {
			return errno
		}
		return nil
	})
}

// Refuse makes the blocks that nothing was written to refuse to be written.
func (r *Refusing) Refuse() error { return (&Disk{Dir: r.device}).Fill(0) }

// Accept ends Refuse: all blocks can be written to.
func (r *Refusing) Accept() error { return (&Disk{Dir: r.device}).Empty() }
