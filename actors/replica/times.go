package replica

import (
	"errors"
	"fmt"
	"sort"

	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/partition"
	"github.com/troupe-mq/troupe/storage"
)

// TimestampOffset is a record's place in time.
type TimestampOffset struct {
	Offset    int64
	Timestamp int64 // ms since the epoch
	Epoch     int32 // leader epoch of its batch
}

// OffsetForTime returns the first record kept whose timestamp is at least ms; found is false if
// there is none.
func (v *View) OffsetForTime(ms int64) (at TimestampOffset, found bool, err error) {
	if v.replica == 0 || v.HighWatermark == v.LogStart {
		return at, false, nil
	}
	from, err := v.findTime(ms)
	if newest := v.newer(err); newest != nil {
		return newest.OffsetForTime(ms)
	}
	if err != nil {
		return at, false, v.unreadable(err)
	}
	err = v.batches(from, func(b batch.Batch) (bool, error) {
		if b.NextOffset() <= v.LogStart || b.MaxTimestamp() < ms {
			return true, nil
		}
		at, found, err = firstAt(b, v.LogStart, ms)
		return !found, err
	})
	if newest := v.newer(err); newest != nil {
		return newest.OffsetForTime(ms)
	}
	if err != nil {
		return at, false, v.unreadable(err)
	}
	return at, found, nil
}

// findTime returns a place behind which the first timestamp of ms or more lies, close to it.
func (v *View) findTime(ms int64) (p place, err error) {
	p.kept = sort.Search(len(v.cleaned.Kept), func(i int) bool {
		h, failed := v.keptHeader(i)
		if failed != nil {
			err = failed
		}
		return err != nil || h.MaxTimestamp >= ms
	})
	if err != nil {
		return p, err
	}
	if len(v.chunks) > 0 && v.chunks[0].time < ms && v.chunks[0].index >= v.first {
		i := sort.Search(len(v.chunks), func(i int) bool { return v.chunks[i].time >= ms })
		p.index = v.applied + 1
		if i < len(v.chunks) {
			p.index = v.chunks[i].index
		}
		return p, nil
	}
	p.index, err = v.bisect(v.first, v.stored(), func(h partition.Header) bool { return h.MaxTimestamp >= ms })
	return p, err
}

// keptHeader reads the header of one of the entries that a cleaning kept.
func (v *View) keptHeader(i int) (partition.Header, error) {
	data, err := v.entry(v.cleaned.Kept[i].Index)
	if err != nil {
		return partition.Header{}, err
	}
	h, _, err := partition.ParseHeader(data)
	if err != nil {
		err = fmt.Errorf("%w: %v", storage.ErrCorrupt, err)
	}
	return h, err
}

// batches calls f with the batches from a place on, until f has enough.
func (v *View) batches(from place, f func(batch.Batch) (more bool, err error)) error {
	return v.walk(from, func() uint64 { return 1 << 20 }, func(_ uint64, data []byte) (bool, error) {
		for rest := partition.Payload(data); len(rest) > 0; {
			b, after, ok := batch.Next(rest)
			if !ok {
				return false, fmt.Errorf("%w: the batches of an entry do not follow one another", storage.ErrCorrupt)
			}
			more, err := f(b)
			if err != nil || !more {
				return false, err
			}
			rest = after
		}
		return true, nil
	})
}

// firstAt returns the first record of a batch at offset from or behind it with a timestamp of at
// least ms.
func firstAt(b batch.Batch, from, ms int64) (at TimestampOffset, found bool, err error) {
	if b.Control() {
		return TimestampOffset{}, false, nil
	}
	err = b.Outlines(func(r batch.Outline) bool {
		if found = r.Offset >= from && r.Timestamp >= ms; found {
			at = TimestampOffset{r.Offset, r.Timestamp, b.LeaderEpoch()}
		}
		return !found
	})
	return at, found, unlessRecords(err)
}

// unlessRecords passes on an error unless it says that nobody can read the records: what older
// builds took unopened holds no times, and the batches after it do.
func unlessRecords(err error) error {
	if errors.Is(err, batch.ErrRecords) {
		return nil
	}
	return err
}

// MaxTimestamp returns the first record with the largest timestamp kept; found is false in an empty
// log.
func (v *View) MaxTimestamp() (at TimestampOffset, found bool, err error) {
	if v.HighWatermark == v.LogStart {
		return at, false, nil
	}
	if largest := v.largest; largest >= 0 {
		if at, found, err = v.OffsetForTime(largest); found || err != nil {
			return at, found, err
		}
	}
	// The record with the log's largest timestamp was trimmed or cleaned away: look through what is
	// left.
	at, found = TimestampOffset{}, false
	err = v.batches(place{index: v.first}, func(b batch.Batch) (bool, error) {
		if b.NextOffset() <= v.LogStart || b.Control() || found && b.MaxTimestamp() <= at.Timestamp {
			return true, nil
		}
		return true, b.Each(func(r batch.Record) bool {
			if r.Offset >= v.LogStart && (!found || r.Timestamp > at.Timestamp) {
				at, found = TimestampOffset{r.Offset, r.Timestamp, b.LeaderEpoch()}, true
			}
			return true
		})
	})
	if newest := v.newer(err); newest != nil {
		return newest.MaxTimestamp()
	}
	if err != nil {
		return TimestampOffset{}, false, v.unreadable(err)
	}
	return at, found, nil
}

// EpochEnd answers OffsetForLeaderEpoch: see partition.EpochEnd. The leader's own epoch ends
// where its log does, as in Kafka.
func (v *View) EpochEnd(epoch int32) (int32, int64) {
	end := v.HighWatermark
	if epoch == v.Epoch {
		end = v.LogEnd()
	}
	return partition.EpochEnd(v.epochs, epoch, v.Epoch, end)
}

// EpochOf returns the leader epoch of the record at offset, or of the log's end; -1 if nothing is
// known.
func (v *View) EpochOf(offset int64) int32 { return partition.EpochOf(v.epochs, offset) }

// TimeAt returns the timestamp of the first record kept at an offset or after it, in ms since the
// epoch; found is false if there is none. Observers ask for it, so it does not count as a read.
func (v *View) TimeAt(offset int64) (ms int64, found bool, err error) {
	from := max(offset, v.LogStart)
	for offset = from; offset < v.HighWatermark && !found; {
		chunks, err := v.read(offset, FetchLimits{MaxBytes: 1, MinOne: true, Upto: v.HighWatermark}, nil)
		if err != nil || len(chunks) == 0 {
			return 0, false, err
		}
		b, _, ok := batch.Next(chunks[0])
		if !ok {
			return 0, false, nil
		}
		err = b.Outlines(func(r batch.Outline) bool {
			if r.Offset >= from {
				ms, found = r.Timestamp, true
			}
			return !found
		})
		if err := unlessRecords(err); err != nil {
			return 0, false, err
		}
		offset = b.NextOffset()
	}
	return ms, found, nil
}
