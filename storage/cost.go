package storage

// Cost is what an append takes of a transaction's bounds: small values travel with their keys, large ones do not count.
type Cost struct {
	Keys  int
	Bytes int
}

const (
	costKeys   = 10_000
	costBytes  = 1 << 20
	costRecord = 160     // key, bookkeeping and a state record
	costValue  = 1 << 10 // values from this size lie elsewhere
)

// Plus adds two costs.
func (c Cost) Plus(d Cost) Cost { return Cost{c.Keys + d.Keys, c.Bytes + d.Bytes} }

// Fits tells whether one Write may cost this much. Every Store must take as much.
func (c Cost) Fits() bool { return c.Keys <= costKeys && c.Bytes <= costBytes }

// Cost returns what the append costs.
func (a *Append) Cost() Cost {
	c := Cost{Keys: 2 + len(a.Entries), Bytes: 2 * costRecord}
	for _, e := range a.Entries {
		c.Bytes += costRecord / 2
		if len(e.Data) < costValue {
			c.Bytes += len(e.Data)
		}
	}
	if a.Checkpoint != nil {
		c.Bytes += min(len(a.Checkpoint.Machine), costValue) + costRecord
	}
	return c
}

// DataBytes returns the bytes of entry data in the append.
func (a *Append) DataBytes() (n int64) {
	for _, e := range a.Entries {
		n += int64(len(e.Data))
	}
	return n
}
