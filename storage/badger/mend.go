package badger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// Some of what Badger keeps holds nothing of ours: the keys of an encryption that is not used, the
// key's number at the beginning of every log, and how much of each file of the value log is dead,
// which is a hint. Damage there keeps Badger from opening, or has it look for a file for ever. It
// is mended, and told.
func mend(dir string) (mended []string, err error) {
	if err := dropEmpty(dir); err != nil {
		return nil, err
	}
	for _, f := range []func(string) ([]string, error){mendKeys, mendHeaders, mendDiscards} {
		m, err := f(dir)
		if err != nil {
			return nil, err
		}
		mended = append(mended, m...)
	}
	return mended, nil
}

// dropEmpty deletes logs without a byte, which a process leaves that is killed while it begins one:
// Badger does not open with them.
func dropEmpty(dir string) error {
	for _, kind := range []string{"*.vlog", "*.mem"} {
		files, _ := filepath.Glob(filepath.Join(dir, kind))
		for _, path := range files {
			info, err := os.Stat(path)
			if err == nil && info.Size() == 0 {
				err = os.Remove(path)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// A registry without keys is an initial vector, which nothing uses, and a text.
const (
	keysName  = "KEYREGISTRY"
	keysText  = "Hello Badger"
	keysStart = 16
)

// mendKeys takes a registry of keys away that says anything but that there are none; Badger makes
// it anew.
func mendKeys(dir string) ([]string, error) {
	path := filepath.Join(dir, keysName)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || len(content) >= keysStart && string(content[keysStart:]) == keysText {
		return nil, err
	}
	return []string{keysName + " was damaged, holds nothing, and is made anew"}, os.Remove(path)
}

// mendHeaders sets the number of the key in each log to that of none.
func mendHeaders(dir string) (mended []string, err error) {
	for _, kind := range []string{"*.vlog", "*.mem"} {
		files, _ := filepath.Glob(filepath.Join(dir, kind))
		for _, path := range files {
			m, err := mendHeader(path)
			if err != nil {
				return nil, err
			}
			if m {
				mended = append(mended, filepath.Base(path)+" was damaged in its header, where nothing is stored, and is mended")
			}
		}
	}
	return mended, nil
}

func mendHeader(path string) (mended bool, err error) {
	key, none := make([]byte, 8), make([]byte, 8)
	if n, err := readStart(path, key); err != nil || n < len(key) || bytes.Equal(key, none) {
		return false, err // Badger begins a shorter one anew
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.WriteAt(none, 0)
	return true, errors.Join(err, f.Sync())
}

// readStart reads the beginning of a file, and returns how much of it there is.
func readStart(path string, b []byte) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, _ := f.ReadAt(b, 0)
	return n, nil
}

// Of the file that says how much is dead: slots of a file's number and its dead bytes, up to the
// first without a number.
const (
	discardName = "DISCARD"
	slotBytes   = 16
)

// mendDiscards corrects what cannot be: a file with a number that none can have, for which Badger
// would look for ever, or more dead bytes than a file has. The latter is so of files that were cut
// off when they were opened, too, so only what no file could have is told.
func mendDiscards(dir string) (mended []string, err error) {
	f, err := os.OpenFile(filepath.Join(dir, discardName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lengths := valueLogs(dir)
	slot := make([]byte, slotBytes)
	for at := int64(0); ; at += slotBytes {
		if n, _ := f.ReadAt(slot, at); n < slotBytes {
			break
		}
		file, dead := binary.BigEndian.Uint64(slot), binary.BigEndian.Uint64(slot[8:])
		if file == 0 {
			break
		}
		most := uint64(0)
		if file <= math.MaxUint32 {
			most = uint64(lengths[uint32(file)]) // 0 if it is gone
		}
		if dead <= most {
			continue
		}
		if _, err := f.WriteAt(binary.BigEndian.AppendUint64(nil, most), at+8); err != nil {
			return nil, err
		}
		if dead > 2*maxValueLogBytes || file > math.MaxUint32 {
			mended = append(mended, fmt.Sprintf("%s said that %d bytes of file %d are dead: it is a hint, and is corrected", discardName, dead, file))
		}
	}
	return mended, f.Sync()
}
