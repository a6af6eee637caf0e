package partition

// StagedEnd returns the offset after everything that was staged, by this leader or before it: once
// the high watermark reaches it, all of it is committed. It is the end of the log while this
// replica does not lead.
func (p *Partition) StagedEnd() int64 {
	if p.staged == nil {
		return p.End()
	}
	return p.staged.next
}
