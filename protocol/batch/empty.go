package batch

import (
	"encoding/binary"
	"math"
)

// Empty makes a batch without records that answers for the offsets [base, next): who reads it goes
// on at next. It has no producer and no timestamp. If it cannot answer for so many offsets (more
// than 2³¹ of them) it answers for the first.
func Empty(base, next int64, epoch int32) Batch {
	b := make(Batch, HeaderBytes)
	b[magicAt] = 2
	for _, at := range []int{baseTimeAt, producerAt} {
		binary.BigEndian.PutUint64(b[at:], math.MaxUint64)
	}
	binary.BigEndian.PutUint16(b[producerEAt:], math.MaxUint16)
	binary.BigEndian.PutUint32(b[sequenceAt:], math.MaxUint32)
	b.SetBaseOffset(base)
	b.SetLeaderEpoch(epoch)
	binary.BigEndian.PutUint32(b[deltaAt:], uint32(min(next-base-1, math.MaxInt32)))
	b.empty()
	return b
}

// Emptied returns what is left of the batch without its records: its offsets, epoch and producer.
// It is what Kafka's cleaner leaves of the last batch of a log.
func (b Batch) Emptied() Batch {
	out := append(Batch(nil), b[:HeaderBytes]...)
	binary.BigEndian.PutUint16(out[attributeAt:], uint16(out.Attributes()&^codecMask))
	out.empty()
	return out
}

// empty sets what a header says of records when there are none.
func (b Batch) empty() {
	binary.BigEndian.PutUint64(b[maxTimeAt:], math.MaxUint64) // -1: no record has it
	binary.BigEndian.PutUint32(b[countAt:], 0)
	b.finish()
}
