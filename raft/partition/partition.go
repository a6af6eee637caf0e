package partition

import (
	"fmt"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// Partition is a partition's state machine; it implements raft.Machine. It has one owner.
//
// It keeps three states, one on top of the other: as of the last applied entry; as of the end of
// the log (applied and the tail that is not committed); and, on the leader, as of what is staged
// (the whole log and the entries under construction).
type Partition struct {
	limits Limits
	applied
	tail   []tailEntry // entries appended and not applied, contiguous behind applied.index
	staged *staged     // nil unless leading
}

// Limits bound a partition's entries. Zero fields take the default.
type Limits struct {
	EntryBytes int // most bytes of an entry that holds more than one request, 1 MiB by default
}

func (l *Limits) setDefaults() {
	if l.EntryBytes == 0 {
		l.EntryBytes = 1 << 20
	}
}

// applied is the state as of the last applied entry: what a snapshot holds.
type applied struct {
	index     uint64
	next      int64 // offset behind the last record: the high watermark
	start     int64 // first offset kept
	maxTime   int64 // largest timestamp so far, -1 before the first record
	epochs    []Epoch
	producers map[int64]*producer
	readAt    int64 // the newest reading of the leader's clock in the log, ms since the epoch
	marks     marks
	cleaned   cleaned
}

func emptyState() applied {
	return applied{maxTime: -1, producers: map[int64]*producer{}, marks: marks{distance: markBytes}}
}

// Epoch is where a leader epoch's records begin.
type Epoch struct {
	Epoch int32
	Start int64
}

// tailEntry is an entry that is not committed.
type tailEntry struct {
	index, term uint64
	data        []byte
	header      Header
	records     bool  // it holds records
	next        int64 // offset behind the entry
	maxTime     int64
}

// Applied is what applying an entry results in.
type Applied struct {
	Next  int64 // the high watermark then
	Start int64 // the first offset kept then
}

// New makes an empty partition.
func New(l Limits) *Partition {
	l.setDefaults()
	return &Partition{limits: l, applied: emptyState()}
}

// HighWatermark is the first offset that is not committed.
func (p *Partition) HighWatermark() int64 { return p.next }

// LastStable is the first offset of the earliest open transaction, else the high watermark.
func (p *Partition) LastStable() int64 { return p.next }

// Start is the first offset kept.
func (p *Partition) Start() int64 { return p.start }

// MaxTimestamp is the largest timestamp of committed records in ms since the epoch, -1 before the
// first.
func (p *Partition) MaxTimestamp() int64 { return p.maxTime }

// End is the offset behind the last record of the log, committed or not.
func (p *Partition) End() int64 {
	if n := len(p.tail); n > 0 {
		return p.tail[n-1].next
	}
	return p.next
}

// Epochs are where the leader epochs of committed records begin, in order. Never changed in place.
func (p *Partition) Epochs() []Epoch { return p.epochs }

// endTime is the largest timestamp of the log, committed or not.
func (p *Partition) endTime() int64 {
	if n := len(p.tail); n > 0 {
		return p.tail[n-1].maxTime
	}
	return p.maxTime
}

// Append implements raft.Machine.
func (p *Partition) Append(index, term uint64, data []byte) error {
	if index <= p.index {
		return fmt.Errorf("partition: entry %d would replace an applied one (applied up to %d)", index, p.index)
	}
	p.truncate(index)
	if last := p.lastIndex(); last > 0 && index != last+1 {
		return fmt.Errorf("partition: entry %d does not follow entry %d", index, last)
	}
	e, err := p.parse(index, term, data)
	if err != nil {
		return err
	}
	p.tail = append(p.tail, e)
	return nil
}

// truncate drops the tail from an index on.
func (p *Partition) truncate(from uint64) {
	for n := len(p.tail); n > 0 && p.tail[n-1].index >= from; n = len(p.tail) {
		p.tail[n-1] = tailEntry{}
		p.tail = p.tail[:n-1]
	}
}

// lastIndex is the index of the last entry of the log, 0 before the first.
func (p *Partition) lastIndex() uint64 {
	if n := len(p.tail); n > 0 {
		return p.tail[n-1].index
	}
	return p.index
}

// parse checks an entry against the end of the log.
func (p *Partition) parse(index, term uint64, data []byte) (tailEntry, error) {
	e := tailEntry{index: index, term: term, data: data, next: p.End(), maxTime: p.endTime()}
	h, ok, err := ParseHeader(data)
	if err != nil || !ok {
		return e, err
	}
	e.header = h
	if h.Clock && len(data) < clockBytes {
		return e, errEntry
	}
	if h.Kind != KindRecords {
		return e, nil
	}
	if h.BaseOffset != e.next {
		return e, fmt.Errorf("partition: entry %d begins at offset %d, the log ends at %d", index, h.BaseOffset, e.next)
	}
	if h.MaxTimestamp < e.maxTime {
		return e, fmt.Errorf("partition: entry %d brings the log's largest timestamp back from %d to %d", index, e.maxTime, h.MaxTimestamp)
	}
	e.records, e.maxTime = true, h.MaxTimestamp
	e.next, err = h.each(data, func(batch.Batch) {})
	return e, err
}

// Apply implements raft.Machine. The result is an Applied.
func (p *Partition) Apply(index, term uint64, _ []byte) (any, error) {
	if len(p.tail) == 0 || p.tail[0].index != index || p.tail[0].term != term {
		return nil, fmt.Errorf("partition: entry %d of term %d is applied, but it was not appended", index, term)
	}
	e := p.tail[0]
	p.tail[0] = tailEntry{}
	p.tail = p.tail[1:]
	p.index = index
	switch e.header.Kind {
	case KindRecords:
		p.take(e)
	case KindTrim:
		if e.header.Clock {
			p.clock(parseClock(e.data))
		} else {
			p.trim(e.header.BaseOffset)
		}
	case KindKept, KindCleaned:
		if err := p.clean(e); err != nil {
			return nil, err
		}
	}
	return Applied{p.next, p.start}, nil
}

// take applies an entry of records.
func (p *Partition) take(e tailEntry) {
	if n := len(p.epochs); n == 0 || p.epochs[n-1].Epoch < int32(e.term) {
		p.epochs = append(p.epochs, Epoch{int32(e.term), e.header.BaseOffset})
	}
	p.next, p.maxTime = e.next, e.maxTime
	largest := int64(-1)
	untimed := false
	e.header.each(e.data, func(b batch.Batch) {
		largest = max(largest, b.MaxTimestamp())
		untimed = untimed || b.MaxTimestamp() < 0
		if id := b.ProducerID(); id >= 0 {
			p.producers[id] = p.producers[id].with(b, p.maxTime)
			p.staged.settle(id, p.next)
		}
	})
	if untimed {
		largest = -1
	}
	p.marks.add(e.index, e.next, len(e.data)-HeaderBytes, stretch{largest, largest})
}

// trim moves the start; never back, never past the end.
func (p *Partition) trim(to int64) {
	if to = min(to, p.next); to <= p.start {
		return
	}
	p.start = to
	p.marks.trim(to, p.index, to == p.next)
	p.cleaned.trim(to)
	p.cleaned.runs.drop(p.marks.reclaimable)
	p.trimEpochs()
}

// trimEpochs drops the epochs that have no records left. What Epochs returned before stays as it
// was.
func (p *Partition) trimEpochs() {
	if len(p.epochs) == 0 {
		return
	}
	first := 0
	for first+1 < len(p.epochs) && p.epochs[first+1].Start <= p.start {
		first++
	}
	kept := append([]Epoch(nil), p.epochs[first:]...)
	kept[0].Start = max(kept[0].Start, p.start)
	p.epochs = kept
}
