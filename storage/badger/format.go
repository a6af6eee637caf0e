package badger

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// format numbers the way in which a store is written. It goes up with anything that builds before
// would misread: they would take a whole log for a damaged one, and give it up. The key and the
// form of its value stay as they are in every format; stores without it are of format 1.
const format = 1

var formatKey = []byte{'F'}

// checkFormat tells why this build must not touch a store.
func checkFormat(txn *badger.Txn) error {
	value, err := get(txn, formatKey)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	var body []byte
	if err == nil {
		body, err = open(value)
	}
	if err != nil || len(body) != 4 {
		return fmt.Errorf("the format of the data directory cannot be read: %w", errors.Join(err, storage.ErrCorrupt))
	}
	if f := binary.BigEndian.Uint32(body); f > format {
		return fmt.Errorf("the data directory is of format %d, written by a newer build; this build reads formats up to %d: start this node with that build or a newer one", f, format)
	}
	return nil
}

// writeFormat notes that the store is written by this build.
func writeFormat(txn *badger.Txn) error {
	return txn.Set(formatKey, seal(binary.BigEndian.AppendUint32(sealed(4), format)))
}
