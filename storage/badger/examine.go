package badger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/y"

	"github.com/troupe-mq/troupe/storage"
)

// examine looks at Badger's files before Badger does, which panics over some damage, and over other
// drops what it cannot read, or whole files, and says nothing. What holds nothing of ours is
// mended; an error that wraps storage.ErrCorrupt says that what the store held cannot be told. A
// directory in use is left alone: Badger says so.
func (o *Options) examine(log *failStop) (mended []string, err error) {
	unlock, err := lock(o.Dir)
	if err != nil {
		return nil, nil
	}
	defer unlock()
	if mended, err = mend(o.Dir); err != nil {
		return nil, err
	}
	tables, err := checkManifest(o.Dir, o.badger(log))
	if err != nil {
		return nil, err
	}
	flushed, err := checkTables(o.Dir, tables)
	if err != nil {
		return nil, err
	}
	return mended, checkMemTables(o.Dir, flushed)
}

// gone tells what a damaged file means.
func gone(file, format string, args ...any) error {
	return fmt.Errorf("%w: %s is damaged (%s), and what the store held cannot be told", storage.ErrCorrupt, file, fmt.Sprintf(format, args...))
}

// checkManifest checks the list of the tables and returns it. Badger takes a list that ends early
// for one that a crash cut off, and deletes the tables that it does not know.
func checkManifest(dir string, o badger.Options) (tables []uint64, err error) {
	path := filepath.Join(dir, badger.ManifestFilename)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if files, _ := filepath.Glob(filepath.Join(dir, "*.sst")); len(files) > 0 || newest(dir, "*.vlog") != "" {
			return nil, gone(badger.ManifestFilename, "it is missing")
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, end, err := badger.ReplayManifestFile(f, 0, o)
	if err != nil {
		return nil, gone(badger.ManifestFilename, "%v", err)
	}
	tail := make([]byte, 0, 1<<10)
	if _, err = f.Seek(end, io.SeekStart); err == nil {
		tail, err = io.ReadAll(f)
	}
	if err != nil {
		return nil, err
	}
	if holdsRecord(tail) {
		return nil, gone(badger.ManifestFilename, "a record at byte %d does not end where it says", end)
	}
	return slices.Sorted(maps.Keys(m.Tables)), nil
}

// holdsRecord reports whether the end of the list, which Badger would cut off, holds a whole record
// whose length is damaged: its checksum is that of some of what follows. Of one that a crash cut
// off it is not.
func holdsRecord(tail []byte) bool {
	if len(tail) < 8 {
		return false
	}
	sum, want := uint32(0), binary.BigEndian.Uint32(tail[4:])
	if sum == want {
		return true // of nothing, as the first one is in the list of a young store
	}
	for i := range tail[8:] {
		if sum = crc32.Update(sum, castagnoli, tail[8+i:9+i]); sum == want {
			return true
		}
	}
	return false
}

// checkMemTables checks that no transaction is missing between the tables and the logs of the
// memtables, and between these: Badger reads each up to the first thing that is wrong. Whether the
// last one ends early the floor tells. flushed is the newest transaction in the tables. One hole is
// known: the store found, when it was opened, that it had lost history, said so in the next
// transaction (see writeLost), the first one of a new memtable, and goes on above what is lost. It
// is taken for that only if nothing but tables lies before it.
func checkMemTables(dir string, flushed uint64) error {
	files, _ := filepath.Glob(filepath.Join(dir, "*.mem"))
	slices.Sort(files)
	last := flushed
	for i, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		l := transactions(data)
		if l.from == 0 {
			continue
		}
		if known := l.lost && i == 0; l.from > last+1 && !known {
			return gone(filepath.Base(f), "transactions %d to %d are missing before it", last+1, l.from-1)
		}
		last = max(last, l.to)
	}
	return nil
}

// Of an entry in Badger's logs.
const (
	logHeaderBytes = 20      // before the first entry
	ofTransaction  = 1 << 6  // in an entry's first byte
	endsIt         = 1 << 7  // in the first byte of the entry behind the last one of a transaction
	maxKeyBytes    = 1 << 16 // as Badger has it
)

// logged is what Badger would read of a memtable's log.
type logged struct {
	from, to uint64 // the first and the last transaction, 0 if there is none
	end      int    // of the last one in the log
	lost     bool   // the first one says that history was lost
}

func transactions(data []byte) (l logged) {
	if len(data) < logHeaderBytes {
		return l
	}
	r := bytes.NewReader(data[logHeaderBytes:])
	open := uint64(0)
	for {
		meta, key, ok := logEntry(r, data)
		switch {
		case !ok:
			return l
		case meta&ofTransaction != 0:
			ts := y.ParseTs(key)
			if open != 0 && open != ts {
				return l
			}
			open = ts
			l.lost = l.lost || l.from == 0 && bytes.Equal(y.ParseKey(key), lostKey)
		case meta&endsIt != 0 && open != 0:
			if l.from == 0 {
				l.from = open
			}
			l.to, open, l.end = max(l.to, open), 0, len(data)-r.Len()
		case open != 0:
			return l
		}
	}
}

// logEntry reads one entry; false if there is none that is whole.
func logEntry(r *bytes.Reader, data []byte) (meta byte, key []byte, ok bool) {
	at := len(data) - r.Len()
	meta, err := r.ReadByte()
	_, err2 := r.ReadByte()
	klen, err3 := binary.ReadUvarint(r)
	vlen, err4 := binary.ReadUvarint(r)
	_, err5 := binary.ReadUvarint(r)
	if errors.Join(err, err2, err3, err4, err5) != nil || klen == 0 || klen > maxKeyBytes || klen+vlen+crc32.Size > uint64(r.Len()) {
		return 0, nil, false
	}
	body := len(data) - r.Len()
	end := body + int(klen+vlen)
	if crc32.Checksum(data[at:end], castagnoli) != binary.BigEndian.Uint32(data[end:]) {
		return 0, nil, false
	}
	_, err = r.Seek(int64(klen+vlen+crc32.Size), io.SeekCurrent)
	return meta, data[body : body+int(klen)], err == nil
}
