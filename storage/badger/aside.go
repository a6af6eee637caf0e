package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/troupe-mq/troupe/storage"
)

// A store that cannot be read is renamed, never deleted, and an empty one takes its place: beside
// "store" lies "store.damaged-1", with the file DAMAGE that says what was wrong. The empty one
// begins with a node record that says which incarnation was given up.
const (
	damagedInfix = ".damaged-"
	damageName   = "DAMAGE"
	nextSuffix   = ".new"
)

// SetAside puts an empty store, which begins with a node record, in the place of one that Open
// could not read, and returns where that one lies now. A crash at any moment leaves the one or the
// other.
func SetAside(dir string, cause error, begin storage.Node) (where string, err error) {
	unlock, err := lock(dir)
	if err != nil {
		return "", fmt.Errorf("storage/badger: set %s aside: %w", dir, err)
	}
	defer unlock()
	next := dir + nextSuffix
	where = fmt.Sprintf("%s%s%d", dir, damagedInfix, lastDamaged(dir)+1)
	drop := os.Remove(filepath.Join(dir, ballastName)) // it is no evidence
	if errors.Is(drop, fs.ErrNotExist) {
		drop = nil
	}
	for _, step := range []func() error{
		func() error { return drop },
		func() error { return os.RemoveAll(next) },
		func() error { return os.Mkdir(next, 0o750) },
		func() error { return writeIdentity(next, begin) },
		func() error { return replaceFile(filepath.Join(dir, damageName), []byte(cause.Error()+"\n")) },
		func() error { return os.Rename(dir, where) },
		func() error { return os.Rename(next, dir) },
		func() error { return syncDir(filepath.Dir(dir)) },
	} {
		if err := step(); err != nil {
			return "", fmt.Errorf("storage/badger: set %s aside: %w", dir, err)
		}
	}
	return where, nil
}

// finishAside ends what a crash left half done.
func finishAside(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(dir+nextSuffix, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("storage/badger: finish setting a store aside: %w", err)
	}
	return nil
}

// damaged returns the directories of stores that were set aside, the oldest first.
func damaged(dir string) []string {
	found, _ := filepath.Glob(dir + damagedInfix + "*") // fails only for a bad pattern
	found = slices.DeleteFunc(found, func(d string) bool { return damagedNumber(d) == 0 })
	slices.SortFunc(found, func(a, b string) int { return damagedNumber(a) - damagedNumber(b) })
	return found
}

func damagedNumber(dir string) int {
	n, err := strconv.Atoi(dir[strings.LastIndex(dir, damagedInfix)+len(damagedInfix):])
	if err != nil {
		return 0
	}
	return n
}

func lastDamaged(dir string) int {
	if all := damaged(dir); len(all) > 0 {
		return damagedNumber(all[len(all)-1])
	}
	return 0
}

// EvidenceOf returns what was set aside of the store in a directory, the oldest first.
func EvidenceOf(dir string) []storage.Evidence {
	var all []storage.Evidence
	for _, d := range damaged(dir) {
		e := storage.Evidence{Dir: d, Bytes: sizeOf(d, "*"), Cause: "it does not say why"}
		if cause, err := os.ReadFile(filepath.Join(d, damageName)); err == nil {
			e.Cause = strings.TrimSpace(string(cause))
		}
		if info, err := os.Stat(filepath.Join(d, damageName)); err == nil {
			e.At = info.ModTime()
		}
		all = append(all, e)
	}
	return all
}

// Evidence implements storage.Keeper.
func (s *Store) Evidence() []storage.Evidence { return EvidenceOf(s.options.Dir) }

// Drop implements storage.Keeper.
func (s *Store) Drop(e storage.Evidence) error {
	if !slices.Contains(damaged(s.options.Dir), e.Dir) {
		return fmt.Errorf("storage/badger: %s was not set aside of %s", e.Dir, s.options.Dir)
	}
	return os.RemoveAll(e.Dir)
}

// lock takes the directory as Badger does, which then knows that it is in use.
func lock(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("the data is in use: %w", err), d.Close())
	}
	return func() { _ = d.Close() }, nil // which releases it
}
