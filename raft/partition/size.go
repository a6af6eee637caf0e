package partition

// Bytes is about how many bytes of entries the partition keeps: never more than twice the distance
// of two marks off.
func (p *Partition) Bytes() int64 { return int64(len(p.marks.at))*p.marks.distance + p.marks.since }
