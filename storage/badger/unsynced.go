package badger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// After a sync that failed, the kernel takes the pages for clean: they are not written any more,
// and who reads the file is still shown what never reached the disk. The process ends then, but the
// one that is started next would find the transaction whole, go on from it, and acknowledge it to
// others; the next power cut takes it. Dirty pages of a killed process may fail in the same way,
// and nobody hears of it. To write the pages once more in their place does not help: ext4 then
// writes them into blocks that it goes on to take for unwritten. So what the last process wrote to
// is forgotten by the kernel, and read from the disk, before any of it is believed. What is not
// there then was acknowledged by nobody. See docs/adr/0031.
//
// A store that was closed with all synced says so in its floor, and is spared that.

// forgetUnsynced has the files read from the disk that Badger writes to in their place: the logs of
// the memtables, the newest file of the value log, and the list of the tables; and the floor. All
// others were synced before that list, or a newer file, said so.
//
// A file system in memory has nothing below its pages: there is nothing to be told from what they
// show.
func forgetUnsynced(dir string) error {
	if inMemory(dir) {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.mem")) // fails only for a bad pattern
	files = append(files, filepath.Join(dir, badger.ManifestFilename), filepath.Join(dir, floorName))
	if log := newest(dir, "*.vlog"); log != "" {
		files = append(files, log)
	}
	for _, path := range files {
		if err := forgetUnsyncedOf(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the store was not closed, and what the disk has of it cannot be told: %w", err)
		}
	}
	return syncDir(dir)
}

func forgetUnsyncedOf(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	forgotten := err == nil && forget(f)
	if err := errors.Join(err, f.Close()); err != nil || forgotten {
		return err
	}
	return rewrite(path)
}

// rewrite puts a new file with the same content in the place of one, for a kernel that does not
// forget it: another process may have it mapped. What it shows is then on the disk, or it is an
// error.
func rewrite(path string) (err error) {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	next := path + ".new"
	to, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(copySparse(to, from), to.Sync(), to.Close()); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return os.Rename(next, path)
}

// copySparse copies a file and leaves out what is a hole or zeros.
func copySparse(to, from *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	buffer := make([]byte, len(zeros))
	for at := int64(0); at < info.Size(); at += int64(len(buffer)) {
		n, err := from.ReadAt(buffer, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if string(buffer[:n]) == string(zeros[:n]) {
			continue
		}
		if _, err := to.WriteAt(buffer[:n], at); err != nil {
			return err
		}
	}
	return to.Truncate(info.Size())
}
