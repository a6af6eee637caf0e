//go:build linux

package hosts

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Disk is a file system of its own, on a loop device over an image file.
type Disk struct {
	Dir string // where it is mounted

	image  string
	copies int // of the image that were made
	fs     string
	frozen bool

	options string // of the mount, if they are not the usual ones
}

// Requests to a file system, the same for ext4 and XFS.
const (
	shutdown   = 0x8004587d // XFS_IOC_GOINGDOWN, EXT4_IOC_SHUTDOWN
	noLogFlush = 2          // not even the journal is written
	freeze     = 0xc0045877 // FIFREEZE
	thaw       = 0xc0045878 // FITHAW
)

func newDisk(base, fs string, size int64) (*Disk, error) {
	d := &Disk{Dir: base, image: base + ".image", fs: fs}
	if d.fs == "" {
		d.fs = "ext4"
	}
	mkfs := map[string][]string{"ext4": {"mkfs.ext4", "-q", "-F"}, "xfs": {"mkfs.xfs", "-q", "-f"}}[d.fs]
	if mkfs == nil {
		return nil, fmt.Errorf("no file system %q, but ext4 and xfs", fs)
	}
	f, err := os.Create(d.image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(size), f.Close(), os.MkdirAll(d.Dir, 0o755), run(append(mkfs, d.image)...)); err != nil {
		return nil, err
	}
	return d, d.mount()
}

// Alone makes a disk that no host has, which ends with the test.
func Alone(t testing.TB, fs string, size int64) *Disk {
	t.Helper()
	sweep()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDisk(filepath.Join(dir, "disk"), fs, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(d.close(), os.RemoveAll(dir)); err != nil {
			t.Errorf("clearing the disk away: %v", err)
		}
	})
	return d
}

// mount lets the space of deleted files go back to the image's disk.
func (d *Disk) mount() error {
	options := cmp.Or(d.options, "loop,discard,noatime")
	if d.fs == "xfs" && d.copies > 0 {
		options += ",nouuid" // that of the image that was copied is in use
	}
	return run("mount", "-t", d.fs, "-o", options, d.image, d.Dir)
}

// Cut is what a power loss does to a disk: from now on nothing is written, not even what the file
// system holds in memory, and every access fails. What was synced before is there after Restore,
// and nothing else need be.
func (d *Disk) Cut() error {
	return d.ask(shutdown, func(fd int) error { return unix.IoctlSetPointerInt(fd, shutdown, noLogFlush) })
}

// Restore is the next start of the machine: the file system is mounted anew from what reached the
// disk. Nobody may have files open on it.
//
// A mount namespace that some other process on this machine made meanwhile has a copy of the mount,
// and keeps the file system alive that was cut: mounting the same image again only shows that one
// again, on which every access fails. Then the next one is mounted from a copy of the image, which
// nobody else knows.
func (d *Disk) Restore() error {
	if err := unix.Unmount(d.Dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", d.Dir, err)
	}
	if err := d.mount(); err != nil || d.powered() {
		return err
	}
	if err := unix.Unmount(d.Dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", d.Dir, err)
	}
	d.copies++
	image := fmt.Sprintf("%s.image.%d", d.Dir, d.copies)
	if err := run("cp", "--sparse=always", d.image, image); err != nil {
		return err
	}
	d.image = image
	return d.mount()
}

// powered reports whether the file system takes a file: one that was cut does not.
func (d *Disk) powered() bool {
	probe := filepath.Join(d.Dir, "probe")
	err := os.WriteFile(probe, nil, 0o600)
	_ = os.Remove(probe)
	return !errors.Is(err, unix.EIO)
}

// Freeze makes everybody who writes wait until Thaw: a disk that does not answer. Processes that
// wait cannot be killed.
func (d *Disk) Freeze() error {
	if d.frozen {
		return nil
	}
	d.frozen = true
	return d.ask(freeze, func(fd int) error { return unix.IoctlSetInt(fd, freeze, 0) })
}

// Thaw ends Freeze.
func (d *Disk) Thaw() error {
	if !d.frozen {
		return nil
	}
	d.frozen = false
	return d.ask(thaw, func(fd int) error { return unix.IoctlSetInt(fd, thaw, 0) })
}

func (d *Disk) ask(request uint, ask func(fd int) error) error {
	f, err := os.Open(d.Dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := ask(int(f.Fd())); err != nil {
		return fmt.Errorf("request %#x to the file system at %s: %w", request, d.Dir, err)
	}
	return nil
}

// Fill takes all the space that is left but so many bytes.
func (d *Disk) Fill(leave int64) error {
	free, err := d.Free()
	if err != nil || free <= leave {
		return err
	}
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	at, err := f.Stat()
	if err != nil {
		return err
	}
	// What the file system needs to describe the file is not known before: go on in smaller steps
	// until nothing fits.
	end := at.Size()
	for step := free - leave; step >= 4096; {
		switch err := unix.Fallocate(int(f.Fd()), 0, end, step); {
		case err == nil:
			end += step
			if free, err = d.Free(); err != nil {
				return err
			}
			step = min(step, free-leave)
		case errors.Is(err, unix.ENOSPC):
			step /= 2
		default:
			return fmt.Errorf("fill %s: %w", d.Dir, err)
		}
	}
	return nil
}

// Empty gives back what Fill took.
func (d *Disk) Empty() error {
	err := os.Remove(d.filler())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Free is the space that is left for processes of root, in bytes.
func (d *Disk) Free() (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(d.Dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bfree) * s.Bsize, nil
}

func (d *Disk) filler() string { return filepath.Join(d.Dir, "filler") }

func (d *Disk) close() error {
	_ = d.Thaw()
	if err := unix.Unmount(d.Dir, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", d.Dir, err)
	}
	return nil
}

func run(args ...string) error {
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// dirPrefix with the process's id behind it names the directory of a Lab.
const dirPrefix = "troupe-hosts-"

// sweep clears away the disks of processes that died before they could.
func sweep() {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		dir := filepath.Dir(fields[1])
		of, ours := strings.CutPrefix(filepath.Base(dir), dirPrefix)
		id, _, _ := strings.Cut(of, "-")
		pid, err := strconv.Atoi(id)
		if !ours || err != nil || unix.Kill(pid, 0) == nil {
			continue
		}
		_ = unix.Unmount(fields[1], unix.MNT_DETACH)
		_ = os.RemoveAll(dir)
	}
}
