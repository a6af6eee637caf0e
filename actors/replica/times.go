package replica

import (
	"sort"

	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/partition"
)

// TimestampOffset is a record's place in time.
type TimestampOffset struct {
	Offset    int64
	Timestamp int64 // ms since the epoch
	Epoch     int32 // leader epoch of its batch
}

// OffsetForTime returns the first record kept whose timestamp is at least ms; found is false if there is none.
func (v *View) OffsetForTime(ms int64) (at TimestampOffset, found bool, err error) {
	if v.replica == 0 || v.HighWatermark == v.LogStart {
		return at, false, nil
	}
	index, err := v.findTime(ms)
	if err != nil {
		return at, false, v.unreadable(err)
	}
	err = v.batches(index, func(b batch.Batch) (bool, error) {
		if b.NextOffset() <= v.LogStart || b.MaxTimestamp() < ms {
			return true, nil
		}
		at, found, err = firstAt(b, v.LogStart, ms)
		return !found, err
	})
	if err != nil {
		return at, false, v.unreadable(err)
	}
	return at, found, nil
}

// findTime returns the first entry up to which the log has a timestamp of ms or more.
func (v *View) findTime(ms int64) (uint64, error) {
	if len(v.chunks) > 0 && v.chunks[0].time < ms {
		i := sort.Search(len(v.chunks), func(i int) bool { return v.chunks[i].time >= ms })
		if i == len(v.chunks) {
			return v.applied + 1, nil
		}
		return v.chunks[i].index, nil
	}
	hi := v.applied
	if len(v.chunks) > 0 {
		hi = v.chunks[0].index
	}
	last, err := v.bisect(v.first, hi, func(h partition.Header) bool { return h.MaxTimestamp >= ms })
	return last, err
}

// batches calls f with the batches of the entries from index on, until f has enough.
func (v *View) batches(index uint64, f func(batch.Batch) (more bool, err error)) error {
	for index <= v.applied {
		entries, err := v.store.Entries(v.replica, index, v.applied+1, 1<<20)
		if err != nil {
			return err
		}
		for _, e := range entries {
			index = e.GetIndex() + 1
			if !isRecords(e.Data) {
				continue
			}
			for rest := partition.Payload(e.Data); len(rest) > 0; {
				b, after, ok := batch.Next(rest)
				if !ok {
					return nil
				}
				more, err := f(b)
				if err != nil || !more {
					return err
				}
				rest = after
			}
		}
	}
	return nil
}

// firstAt returns the first record of a batch at offset from or behind it with a timestamp of at least ms.
func firstAt(b batch.Batch, from, ms int64) (TimestampOffset, bool, error) {
	if b.Control() {
		return TimestampOffset{}, false, nil
	}
	records, err := b.Records()
	if err != nil {
		return TimestampOffset{}, false, err
	}
	for _, r := range records {
		if r.Offset >= from && r.Timestamp >= ms {
			return TimestampOffset{r.Offset, r.Timestamp, b.LeaderEpoch()}, true, nil
		}
	}
	return TimestampOffset{}, false, nil
}

// MaxTimestamp returns the first record with the largest timestamp kept; found is false in an empty log.
func (v *View) MaxTimestamp() (at TimestampOffset, found bool, err error) {
	if v.HighWatermark == v.LogStart {
		return at, false, nil
	}
	if largest := v.largest; largest >= 0 {
		if at, found, err = v.OffsetForTime(largest); found || err != nil {
			return at, found, err
		}
	}
	// The record with the log's largest timestamp was trimmed: look through what is left.
	largest := int64(-1)
	err = v.batches(v.first, func(b batch.Batch) (bool, error) {
		if b.NextOffset() > v.LogStart {
			largest = max(largest, b.MaxTimestamp())
		}
		return true, nil
	})
	if err != nil {
		return at, false, v.unreadable(err)
	}
	return v.OffsetForTime(largest)
}

// EpochEnd returns the largest epoch not above the given one that has records, and the offset after its last record (KIP-320,
// OffsetForLeaderEpoch). (-1, -1) if there is none.
func (v *View) EpochEnd(epoch int32) (int32, int64) {
	i := sort.Search(len(v.epochs), func(i int) bool { return v.epochs[i].Epoch > epoch })
	switch {
	case epoch == v.Epoch:
		return epoch, v.HighWatermark
	case i == 0:
		return -1, -1
	case i == len(v.epochs):
		return v.epochs[i-1].Epoch, v.HighWatermark
	}
	return v.epochs[i-1].Epoch, v.epochs[i].Start
}

// EpochOf returns the leader epoch of the record at offset, or of the log's end; -1 if nothing is known.
func (v *View) EpochOf(offset int64) int32 {
	i := sort.Search(len(v.epochs), func(i int) bool { return v.epochs[i].Start > offset })
	if i == 0 {
		return -1
	}
	return v.epochs[i-1].Epoch
}

// TimeAt returns the timestamp of the first record kept at an offset or behind it, in ms since the epoch; found is false if there is none.
func (v *View) TimeAt(offset int64) (ms int64, found bool, err error) {
	offset = max(offset, v.LogStart)
	chunks, err := v.Read(offset, FetchLimits{MaxBytes: 1, MinOne: true, Upto: v.HighWatermark})
	if err != nil || len(chunks) == 0 {
		return 0, false, err
	}
	b, _, ok := batch.Next(chunks[0])
	if !ok {
		return 0, false, nil
	}
	err = b.Each(func(r batch.Record) bool {
		if r.Offset >= offset {
			ms, found = r.Timestamp, true
		}
		return !found
	})
	return ms, found, err
}
