package badger

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// Badger opens without a word if a file of its value log is gone, and to find out by reading would
// mean to read all that is stored. What a key points to is known, but not exported; these are the
// fields of badger.Item 4.9.6 that hold it. TestPointerFields notices if another version has
// others.
var (
	itemPointer = fieldOf("vptr")
	itemMeta    = fieldOf("meta")
)

const bitValuePointer = 1 << 1 // in Item.meta: the value lies in the value log

func fieldOf(name string) []int {
	f, ok := reflect.TypeFor[badger.Item]().FieldByName(name)
	if !ok {
		panic("storage/badger: badger.Item has no field " + name + ": adapt pointer.go to this version of Badger")
	}
	return f.Index
}

// pointer is where in the value log a value lies.
type pointer struct{ file, length, offset uint32 }

// pointerOf returns where the value of an item lies; false if it lies in the tree.
func pointerOf(item *badger.Item) (pointer, bool) {
	v := reflect.ValueOf(item).Elem()
	if v.FieldByIndex(itemMeta).Uint()&bitValuePointer == 0 {
		return pointer{}, false
	}
	b := v.FieldByIndex(itemPointer).Bytes()
	if len(b) != int(unsafe.Sizeof(pointer{})) {
		return pointer{}, true // points nowhere: files are numbered from 1
	}
	return pointer{binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[8:])}, true
}

// in checks that a pointer leads into one of the files.
func (p pointer) in(lengths map[uint32]int64) error {
	length, ok := lengths[p.file]
	switch {
	case !ok:
		return fmt.Errorf("%w: it lies in the value-log file %06d, which is missing", storage.ErrCorrupt, p.file)
	case int64(p.offset)+int64(p.length) > length:
		return fmt.Errorf("%w: it lies behind the end of the value-log file %06d", storage.ErrCorrupt, p.file)
	}
	return nil
}
