package partition

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/storage"
)

// HeaderBytes is the size of an entry's header.
const HeaderBytes = 24

// MaxBatchBytes is the largest batch that can be stored: an entry holds it whole.
const MaxBatchBytes = storage.MaxEntryBytes - HeaderBytes

// Kinds of entries.
const (
	KindRecords = 1 // record batches that producers sent
	KindTrim    = 2 // moves the log's start
	KindKept    = 3 // record batches that a cleaning keeps of what lies before them
	KindCleaned = 4 // the end of a cleaning: what it kept takes the place of what it went through
)

const entryVersion = 1

// Header is the header of an entry.
type Header struct {
	Kind         uint8
	Batches      uint32
	BaseOffset   int64
	MaxTimestamp int64 // ms since the epoch, -1 before the first record
	First        bool  // of the entries that one cleaning keeps
	// an entry of kind trim that trims nothing and holds a reading of the leader's clock
	Clock bool
}

// Flags of a header, by kind.
const (
	flagFirst = 1 // of KindKept
	flagClock = 2 // of KindTrim
)

var errEntry = errors.New("partition: an entry that this build does not understand")

// ParseHeader reads the header of an entry's data. ok is false for entries of Raft's own, which
// have none.
func ParseHeader(data []byte) (h Header, ok bool, err error) {
	if len(data) == 0 {
		return h, false, nil
	}
	if len(data) < HeaderBytes || data[1] != entryVersion || data[0] < KindRecords || data[0] > KindCleaned {
		return h, false, errEntry
	}
	return Header{
		Kind:         data[0],
		Batches:      binary.BigEndian.Uint32(data[4:]),
		BaseOffset:   int64(binary.BigEndian.Uint64(data[8:])),
		MaxTimestamp: int64(binary.BigEndian.Uint64(data[16:])),
		First:        data[2] == flagFirst,
		Clock:        data[0] == KindTrim && data[2] == flagClock,
	}, true, nil
}

// Payload returns the record batches of an entry.
func Payload(data []byte) []byte { return data[HeaderBytes:] }

func (h Header) put(data []byte) {
	data[0], data[1] = h.Kind, entryVersion
	switch {
	case h.First:
		data[2] = flagFirst
	case h.Clock:
		data[2] = flagClock
	}
	binary.BigEndian.PutUint32(data[4:], h.Batches)
	binary.BigEndian.PutUint64(data[8:], uint64(h.BaseOffset))
	binary.BigEndian.PutUint64(data[16:], uint64(h.MaxTimestamp))
}

// each calls f with every batch of an entry and checks that their offsets follow one another from
// the header's base.
func (h Header) each(data []byte, f func(batch.Batch)) (next int64, err error) {
	rest := Payload(data)
	next = h.BaseOffset
	for range h.Batches {
		b, after, ok := batch.Next(rest)
		if !ok || b.BaseOffset() != next || b.LastOffsetDelta() < 0 {
			return 0, fmt.Errorf("partition: the batches of an entry do not follow one another at offset %d", next)
		}
		f(b)
		next, rest = b.NextOffset(), after
	}
	if len(rest) > 0 {
		return 0, fmt.Errorf("partition: %d bytes follow the last batch of an entry", len(rest))
	}
	return next, nil
}
