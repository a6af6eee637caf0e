package badger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/troupe-mq/troupe/storage"
)

// Inspect opens the store in a directory to be looked at, as it would be found by Open: what is
// damaged is suspect, and nothing can be written. It writes nothing to the directory, whatever is
// wrong there. Badger repairs, cuts off and deletes when it opens a directory, so it is given
// another one: the logs of the memtables are copied up to where they are whole, which is a few MiB,
// and all large files are links to the ones that are looked at, opened for reading only. Close it
// when done. Errors are those of Open; a directory in use is refused.
func Inspect(dir string) (*Store, error) {
	release, err := lockShared(dir)
	if err != nil {
		return nil, fmt.Errorf("storage/badger: inspect %s: %w", dir, err)
	}
	shadow, err := os.MkdirTemp("", "troupe-inspect-")
	if err != nil {
		return nil, errors.Join(err, release())
	}
	done := func() error { return errors.Join(os.RemoveAll(shadow), release()) }
	s, err := inspect(dir, shadow)
	if err != nil {
		return nil, errors.Join(err, done())
	}
	s.done = done
	return s, nil
}

func inspect(dir, shadow string) (*Store, error) {
	o := Options{Dir: shadow, Logger: slog.New(slog.DiscardHandler), Fatal: func(error) {}, looks: true, Advise: AdviseOff}
	o.setDefaults()
	if _, err := readIdentity(dir); errors.Is(err, errNewer) {
		return nil, fmt.Errorf("storage/badger: inspect %s: %w", dir, err)
	}
	s, err := o.look(dir)
	if errors.Is(err, storage.ErrCorrupt) {
		held, bad := readIdentity(dir)
		err = &storage.Unreadable{Dir: dir, Known: bad == nil, Held: held, Cause: err}
	}
	if err != nil {
		return nil, fmt.Errorf("storage/badger: inspect: %w", err)
	}
	return s, nil
}

// look opens what the shadow of a directory shows.
func (o *Options) look(dir string) (*Store, error) {
	if err := shadow(dir, o.Dir); err != nil {
		return nil, err
	}
	said := reading{}
	f, err := os.Open(filepath.Join(dir, floorName))
	if err == nil {
		said, err = readFloor(f)
		err = errors.Join(err, f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "MANIFEST")); errors.Is(err, fs.ErrNotExist) && newest(o.Dir, "*") == "" {
		// nothing was ever written, and Badger opens nothing for reading only: an empty store is as good
		o.looks = false
	}
	return o.load(nil, said)
}

// shadow makes a directory that shows what another one holds.
func shadow(dir, shadow string) error {
	from, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := show(filepath.Join(from, f.Name()), filepath.Join(shadow, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

func show(path, at string) error {
	switch filepath.Ext(path) {
	case ".sst":
		return os.Symlink(path, at)
	case ".vlog":
		return showValues(path, at)
	case ".mem":
		return showLog(path, at)
	}
	switch filepath.Base(path) {
	case "MANIFEST", discardName, keysName, identityName:
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(at, content, 0o600)
	}
	return nil
}

// showValues links to a file of the value log, unless its header is to be mended, which is done to
// a copy.
func showValues(path, at string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	key := make([]byte, 8)
	switch n, _ := f.ReadAt(key, 0); {
	case n == 0:
		return nil // it was never begun
	case bytes.Equal(key[:n], make([]byte, n)):
		return os.Symlink(path, at)
	}
	to, err := os.OpenFile(at, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(copySparse(to, f), to.Close())
}

// showLog copies the log of a memtable up to the end of the last transaction in it: one that ends
// otherwise Badger does not open for reading only. A log without a transaction holds nothing.
func showLog(path, at string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if l := transactions(data); l.from > 0 {
		return os.WriteFile(at, data[:l.end], 0o600)
	}
	return nil
}

// lockShared takes a directory together with others that only look at it.
func lockShared(dir string) (release func() error, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("the data is in use: %w", err), d.Close())
	}
	return d.Close, nil
}
