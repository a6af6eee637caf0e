package partition

import "encoding/binary"

// clocked is a reading of the leader's clock that stands in the log: an entry of kind trim that
// trims nothing, with the flag flagClock, so that builds which do not know it pass it by. It is the
// only time by which a partition forgets producers, and the age of records that have none. All
// replicas apply the same readings at the same places, whatever their own clocks and whatever
// timestamps clients write.
type clocked struct {
	time       int64 // ms since the epoch
	expiration int64 // ms after which a silent producer is forgotten
}

const clockBytes = HeaderBytes + 2*8

// put makes an entry: the header, then time and expiration.
func (c clocked) put() []byte {
	b := make([]byte, HeaderBytes, clockBytes)
	Header{Kind: KindTrim, Clock: true, MaxTimestamp: -1}.put(b)
	b = binary.BigEndian.AppendUint64(b, uint64(c.time))
	return binary.BigEndian.AppendUint64(b, uint64(c.expiration))
}

// parseClock reads an entry that is long enough.
func parseClock(data []byte) clocked {
	return clocked{
		time:       int64(binary.BigEndian.Uint64(data[HeaderBytes:])),
		expiration: int64(binary.BigEndian.Uint64(data[HeaderBytes+8:])),
	}
}

// clock applies a reading.
func (p *Partition) clock(c clocked) {
	p.marks.stamp(c.time)
	p.expire(c)
}

// expire notes of producers that wrote since the last reading that they were silent from now on at
// the earliest, and forgets those that have been silent for longer than they are remembered.
func (p *Partition) expire(c clocked) {
	p.readAt = c.time
	for id, known := range p.producers {
		since, silent := known.silentSince()
		switch {
		case !silent:
			p.producers[id] = known.silent(c.time)
		case c.time-since > c.expiration:
			delete(p.producers, id)
		}
	}
}

// readings is how many readings are made while a silent producer is remembered.
const readings = 8

// ClockDue reports whether a reading of the clock is to be put into the log: somebody's silence is
// to be noted, or ends with being forgotten, or there are records without a time.
func (p *Partition) ClockDue(now, expiration int64) bool {
	if p.marks.untimed() {
		return true
	}
	note := now-p.readAt >= expiration/readings || now < p.readAt
	for _, known := range p.producers {
		since, silent := known.silentSince()
		if !silent && note || silent && now-since > expiration {
			return true
		}
	}
	return false
}

// StageClock stages a reading of the clock. Nothing while not leading.
func (p *Partition) StageClock(now, expiration int64) {
	if p.staged == nil {
		return
	}
	p.staged.finish()
	p.staged.done = append(p.staged.done, clocked{now, expiration}.put())
}
