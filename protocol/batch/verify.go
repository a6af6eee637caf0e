package batch

import (
	"errors"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// Demands are what a topic asks of the records that producers send.
type Demands struct {
	Keyed bool // every record has a key
	// bounds of the timestamps, in ms since the epoch, both allowed; -1, no timestamp, passes
	Earliest, Latest int64
	Inflated         int // most bytes that the records may take when they are decompressed
}

// Fault is why one record of a batch is refused.
type Fault int8

// The faults that a record can have, besides one that makes the whole batch unreadable.
const (
	NoKey Fault = iota + 1 // the topic keeps the last record of every key, and this one has none
	BadTime
)

// Faulty is a record that is refused.
type Faulty struct {
	Index     int32 // in the batch, from 0
	Fault     Fault
	Timestamp int64 // of the record, in ms since the epoch
}

// mostFaulty bounds how many records of a batch are named. A producer's batch has at most as many
// records in practice (librdkafka's default is 10,000).
const mostFaulty = 10_000

// Verified is what reading a batch brought out.
type Verified struct {
	MaxTimestamp int64    // the largest timestamp of the records, -1 if none has one
	Faulty       []Faulty // in order; the first 10,000 at most
}

// Verify opens a batch that Check let through, whatever its codec, and reads every record: there
// are as many as the header says, their sizes and lengths fit, their offsets count up from 0, no
// header has a null key, nothing follows them. What is wrong with one record only is returned in
// Faulty.
func (b Batch) Verify(d Demands) (v Verified, _ *protocol.Error) {
	s := b.open(d.Inflated)
	defer s.close()
	v.MaxTimestamp = -1
	for i := range b.Count() {
		o := s.outline()
		if s.err == nil && o.Offset != int64(i) {
			s.fail("record %d has the offset delta %d", i, o.Offset)
		}
		if s.err != nil {
			return v, b.refusal(s.err, i)
		}
		v.take(i, o, b.BaseTimestamp(), &d)
	}
	if s.end(); s.err != nil {
		return v, b.refusal(s.err, b.Count())
	}
	return v, nil
}

// refusal translates why a batch cannot be read. A producer that is told MESSAGE_TOO_LARGE splits
// the batch and sends its parts.
func (b Batch) refusal(err error, at int32) *protocol.Error {
	if errors.Is(err, errTooLarge) {
		return protocol.Errorf(kerr.MessageTooLarge, "%v", err)
	}
	return protocol.Errorf(kerr.InvalidRecord, "at record %d of %d: %v", at, b.Count(), err)
}

// take notes one record.
func (v *Verified) take(i int32, o Outline, base int64, d *Demands) {
	at := sum(base, o.Timestamp)
	fault := d.fault(o, at)
	if fault != 0 && len(v.Faulty) < mostFaulty {
		v.Faulty = append(v.Faulty, Faulty{i, fault, at})
	}
	v.MaxTimestamp = max(v.MaxTimestamp, at)
}

// sum adds a delta to a timestamp; what 64 bits do not hold is as far away as can be.
func sum(base, delta int64) int64 {
	at := base + delta
	switch {
	case delta > 0 && at < base:
		return math.MaxInt64
	case delta < 0 && at > base:
		return math.MinInt64
	}
	return at
}

func (d *Demands) fault(o Outline, at int64) Fault {
	switch {
	case d.Keyed && o.Key == nil:
		return NoKey
	case at != -1 && (at < d.Earliest || at > d.Latest):
		return BadTime
	}
	return 0
}
