package partition

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

const snapshotVersion = 1

var errSnapshot = errors.New("partition: a snapshot that this build does not understand")

// Snapshot implements raft.Machine. It is a version byte and then varints: index, next, start, max timestamp, time of the last expiry;
// the number of epochs and of each epoch and start; the number of producers in order of id and of each id, epoch, last time, number of
// batches and of each first and last sequence, base and next offset.
func (p *Partition) Snapshot() []byte {
	b := []byte{snapshotVersion}
	put := func(values ...int64) {
		for _, v := range values {
			b = binary.AppendVarint(b, v)
		}
	}
	put(int64(p.index), p.next, p.start, p.maxTime, p.expiredAt, int64(len(p.epochs)))
	for _, e := range p.epochs {
		put(int64(e.Epoch), e.Start)
	}
	put(int64(len(p.producers)))
	for _, id := range slices.Sorted(maps.Keys(p.producers)) {
		known := p.producers[id]
		put(id, int64(known.epoch), known.lastTime, int64(len(known.batches)))
		for _, s := range known.batches {
			put(int64(s.first), int64(s.last), s.base, s.next)
		}
	}
	return b
}

// Restore implements raft.Machine.
func (p *Partition) Restore(b []byte) error {
	p.applied = applied{maxTime: -1, producers: map[int64]*producer{}}
	p.tail, p.staged = nil, nil
	if b == nil {
		return nil
	}
	if len(b) == 0 || b[0] != snapshotVersion {
		return errSnapshot
	}
	r := &varints{b: b[1:]}
	p.index, p.next, p.start, p.maxTime, p.expiredAt = uint64(r.next()), r.next(), r.next(), r.next(), r.next()
	for n := r.count(); n > 0; n-- {
		p.epochs = append(p.epochs, Epoch{int32(r.next()), r.next()})
	}
	for n := r.count(); n > 0; n-- {
		id := r.next()
		known := &producer{epoch: int16(r.next()), lastTime: r.next()}
		for k := r.count(); k > 0; k-- {
			known.batches = append(known.batches, sequences{int32(r.next()), int32(r.next()), r.next(), r.next()})
		}
		if len(known.batches) == 0 {
			return errSnapshot
		}
		p.producers[id] = known
	}
	if r.bad || len(r.b) > 0 {
		return errSnapshot
	}
	return nil
}

type varints struct {
	b   []byte
	bad bool
}

func (r *varints) next() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of things to come, each of which takes a byte at least.
func (r *varints) count() int64 {
	n := r.next()
	if n < 0 || n > int64(len(r.b)) {
		r.bad = true
		return 0
	}
	return n
}
