package partition

// Expired returns where the log should start by a policy: the high watermark at most, Start if
// nothing is to be deleted. As Kafka does with segments it deletes stretches from the oldest on:
// those whose largest timestamp is older than retention.ms, and those without which retention.bytes
// are left.
func (p *Partition) Expired(policy Policy, now int64) int64 {
	if !policy.Delete {
		return p.start
	}
	to, all := p.start, true
	for _, m := range p.marks.at {
		if !older(m.largest, now, policy.RetentionMS) && !p.surplus(m, policy.RetentionBytes) {
			all = false
			break
		}
		to = max(to, m.next)
	}
	if all && p.marks.since > 0 && older(p.marks.open.largest, now, policy.RetentionMS) {
		return p.next // Kafka, too, begins another segment when all of the last one is too old
	}
	return to
}

// surplus reports whether so many bytes are left behind a mark.
func (p *Partition) surplus(m mark, bytes int64) bool { return bytes >= 0 && p.bytesFrom(m) >= bytes }

// bytesFrom is how many bytes of record batches the log keeps behind a mark.
func (p *Partition) bytesFrom(m mark) int64 {
	return p.cleaned.bytes(m.next) + p.marks.bytes - max(m.bytes, p.cleaned.origin)
}

// Cleaning says what a cleaning is to do.
type Cleaning struct {
	Start      int64 // the log's: what lies below is gone
	Dirty      int64 // from here on the log was not cleaned before
	Upto       int64 // the first offset that is left alone
	Tombstones int64 // records without a value below this offset are dropped
	Time       int64 // when it was decided, in ms since the epoch
	Bytes      int64 // of record batches to go through: what it keeps takes no more

	index  uint64 // of the last entry whose records lie below Upto
	origin int64
}

// maxDirty is how many offsets one cleaning looks at that were not cleaned before: each may be a
// key to be remembered, at some 40 bytes.
const maxDirty = 1 << 20

// Cleanable tells what should be cleaned by a policy; false if nothing should. The rules are
// Kafka's: a share of the log larger than min.cleanable.dirty.ratio was not cleaned, or something
// of it is older than max.compaction.lag.ms, or tombstones are due; what is younger than
// min.compaction.lag.ms, and the end of the log, is left alone.
func (p *Partition) Cleanable(policy Policy, now int64) (Cleaning, bool) {
	c := Cleaning{
		Start: p.start, Dirty: max(p.cleaned.Upto, p.start), Upto: p.cleaned.Upto, Time: now,
		Tombstones: p.cleaned.bound(now, policy.TombstoneMS), Bytes: p.cleaned.bytes(p.start), index: p.cleaned.Index, origin: p.cleaned.origin,
	}
	if !policy.Compact {
		return c, false
	}
	due := p.cleaned.tombstones > 0 && c.Tombstones > p.cleaned.swept
	end, first, ok := p.cleanEnd(policy, now)
	if !ok {
		return c, due
	}
	clean, dirty := p.cleaned.bytes(p.start), end.bytes-p.cleaned.origin
	if float64(dirty) <= policy.DirtyRatio*float64(clean+dirty) && !older(first, now, policy.MaxLagMS) {
		return c, due
	}
	c.Upto, c.Bytes, c.index, c.origin = end.next, clean+dirty, end.index, end.bytes
	return c, true
}

// cleanEnd returns how far the log can be cleaned, and the time at which the part begins that was
// not cleaned before; false if there is none.
func (p *Partition) cleanEnd(policy Policy, now int64) (end mark, first int64, ok bool) {
	take := func(m mark) bool {
		if m.next <= p.cleaned.Upto {
			return true
		}
		if policy.MinLagMS > 0 && !older(m.largest, now, policy.MinLagMS) || ok && m.next-max(p.cleaned.Upto, p.start) > maxDirty {
			return false
		}
		if !ok {
			first = m.first
		}
		end, ok = m, true
		return true
	}
	for _, m := range p.marks.at {
		if !take(m) {
			return end, first, ok
		}
	}
	rolled := p.marks.since >= policy.SegmentBytes || older(p.marks.open.first, now, min(policy.SegmentMS, policy.MaxLagMS))
	if p.marks.since > 0 && rolled {
		take(p.marks.last(p.next))
	}
	return end, first, ok
}
