package journal

import (
	"time"

	"github.com/troupe-mq/troupe/storage"
)

// Stall is a transaction that takes long.
type Stall struct {
	Writes int
	Bytes  int64 // of entry data
	Behind int64 // bytes of entry data that wait for it to end
	Took   time.Duration
	Ended  bool // else it is still under way
}

// Unwritten is how many bytes of entry data were given to the journal and are not in the store,
// those of the transaction under way included.
func (j *Journal) Unwritten() int64 { return j.unwritten.Load() }

// write gives a transaction to the store and reports it if it takes long.
func (j *Journal) write(appends []storage.Append, g []Write) error {
	if j.options.Slow == 0 || j.options.Stalled == nil {
		return j.store.Write(appends)
	}
	begin := time.Now()
	stall := func(ended bool) {
		bytes := dataBytes(g)
		j.options.Stalled(Stall{len(g), bytes, j.Unwritten() - bytes, time.Since(begin), ended})
	}
	watch := time.AfterFunc(j.options.Slow, func() { stall(false) })
	err := j.store.Write(appends)
	if !watch.Stop() {
		stall(true)
	}
	return err
}
