package cluster

import (
	"encoding/binary"
	"os"
)

// logged is a value in one of Badger's value log files.
type logged struct {
	key     string // without the transaction's number
	at, end int64  // of the value's bytes in the file
}

// loggedValues lists the values of a value log file in the order they were written, as far as they
// are whole. A file begins with 20 bytes of its own; an entry is two bytes of flags, the lengths of
// key and value and a time as varints, the key with 8 bytes of the transaction's number, the value
// and 4 bytes of a checksum (badger/v4, structs.go).
func loggedValues(file string) (all []logged, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	const fileHead, flags, version, checksum = 20, 2, 8, 4
	for at := fileHead; at+flags < len(b); {
		next := at + flags
		var head [3]uint64 // length of the key, of the value, time
		for i := range head {
			v, n := binary.Uvarint(b[next:])
			if n <= 0 {
				return all, nil
			}
			head[i], next = v, next+n
		}
		key, value := int(head[0]), int(head[1])
		if key <= version || value < 0 || next+key+value+checksum > len(b) {
			return all, nil
		}
		begin := next + key
		all = append(all, logged{string(b[next : begin-version]), int64(begin), int64(begin + value)})
		at = begin + value + checksum
	}
	return all, nil
}

// newestEntry returns the place amid the value of a log entry, halfway through a value log file,
// that no later value in the file replaced. What else is in such a file nobody need read: the keys
// and checksums that go with a value, and what was truncated.
func newestEntry(file string) (at int64, ok bool) {
	all, err := loggedValues(file)
	if err != nil {
		return 0, false
	}
	last := map[string]int{}
	for i, v := range all {
		last[v.key] = i
	}
	for i := len(all) / 2; i < len(all); i++ {
		if v := all[i]; v.key[0] == 'L' && last[v.key] == i {
			return (v.at + v.end) / 2, true
		}
	}
	return 0, false
}
