package coordination

import (
	"bytes"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// MaxWriteBytes is how large a Write may be, if a core has no other limit: far above what
// coordinators write (Kafka allows 1 MiB), and far below the largest entry of a log.
const MaxWriteBytes = 8 << 20

// Change is what a record says of a core's state.
type Change interface {
	// Key is what is changed.
	Key() string
	// Record encodes the change.
	Record() Record
	// Apply makes it. It is the only way in which state changes that records speak of.
	Apply()
}

// Decode reads a record. A change that comes with an error is what can be said in spite of it; none
// without an error is a record of a kind that is not known, and is passed over.
type Decode func(by Producer, r Record) (Change, error)

// Writer makes what records say a core's state: those that it writes itself, and on replay those in
// the log.
type Writer struct {
	uncommitted *Uncommitted
	decode      Decode
	limit       int
}

// NewWriter makes a writer of records as decode reads them. limit bounds a Write, 0 is
// MaxWriteBytes.
func NewWriter(u *Uncommitted, decode Decode, limit int) Writer {
	if limit == 0 {
		limit = MaxWriteBytes
	}
	return Writer{u, decode, limit}
}

// Replay applies a record of the log; see Core.
func (w *Writer) Replay(by Producer, r Record) error {
	change, err := w.decode(by, r)
	if change != nil {
		change.Apply()
	}
	return err
}

// Write applies records about a key and has them appended. If it returns an error nothing has
// changed.
func (w *Writer) Write(key string, records []Record) *kerr.Error {
	return w.WriteBy(NoProducer, key, records)
}

// WriteBy is Write in the name of a producer.
func (w *Writer) WriteBy(by Producer, key string, records []Record) *kerr.Error {
	if w.uncommitted.readOnly {
		return kerr.CoordinatorNotAvailable
	}
	write := &Write{Producer: by, Records: records, key: key}
	if write.Bytes() > w.limit {
		return kerr.RecordListTooLarge
	}
	changes := make([]Change, len(records))
	for i, r := range records {
		change, err := w.readBack(by, key, r)
		if err != nil {
			return kerr.UnknownServerError
		}
		changes[i] = change
	}
	for _, change := range changes {
		change.Apply()
	}
	w.uncommitted.add(write)
	return nil
}

// WriteAll is Write for any number of records, none of which needs the others.
func (w *Writer) WriteAll(key string, records []Record) *kerr.Error {
	for len(records) > 0 {
		n, bytes := 1, records[0].Bytes()
		for n < len(records) && bytes+records[n].Bytes() <= w.limit/2 {
			bytes += records[n].Bytes()
			n++
		}
		if err := w.Write(key, records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// readBack decodes a record that is to be written, and makes sure that the next coordinator reads
// the same.
func (w *Writer) readBack(by Producer, key string, r Record) (Change, error) {
	change, err := w.decode(by, r)
	switch {
	case err != nil:
		return nil, err
	case change == nil:
		return nil, fmt.Errorf("coordination: a record about %q reads as none", key)
	case change.Key() != key:
		return nil, fmt.Errorf("coordination: a record about %q reads as one about %q", key, change.Key())
	}
	if read := change.Record(); !bytes.Equal(read.Key, r.Key) || !bytes.Equal(read.Value, r.Value) ||
		(read.Value == nil) != (r.Value == nil) {
		return nil, fmt.Errorf("coordination: a record about %q does not read as it was written", key)
	}
	return change, nil
}
