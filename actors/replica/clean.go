package replica

import (
	"errors"
	"fmt"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/partition"
)

// cleanBytes is the size of the entries that a cleaning makes, about.
const cleanBytes = 1 << 20

// Cleaner carries out cleanings that a Tend found due: beside the replica's actor, which it gives
// one entry after the other.
type Cleaner struct {
	Runtime actors.Runtime
	Stop    <-chan struct{} // ends a cleaning early; what it did counts for nothing then
	// BytesPerSecond bounds how fast it reads and writes; 0 does not.
	BytesPerSecond float64
}

// ErrBrokenOff is returned for a cleaning that came to no end. It counts for nothing and is begun
// anew when it is found due again.
var ErrBrokenOff = errors.New("replica: a cleaning was broken off")

// Clean carries out a cleaning of a replica that leads in the epoch, and returns how many bytes of
// batches it went through and kept.
func (c *Cleaner) Clean(r *Ref, t Tended) (read, kept int64, err error) {
	v := r.View()
	if v.Epoch != t.Epoch || v.Role != Leader || v.HighWatermark < t.Cleaning.Upto {
		return 0, 0, fmt.Errorf("%w: the view is of another moment", ErrBrokenOff)
	}
	p := &pass{Cleaner: c, ref: r, view: v, epoch: t.Epoch, sweep: partition.NewSweep(t.Cleaning, cleanBytes)}
	if err := p.run(); err != nil {
		return p.read, p.kept, fmt.Errorf("%w: %w", ErrBrokenOff, err)
	}
	return p.read, p.kept, nil
}

// pass is one cleaning under way.
type pass struct {
	*Cleaner
	ref        *Ref
	view       *View
	epoch      int32
	sweep      *partition.Sweep
	read, kept int64
	owed       time.Duration // not waited for yet
}

func (p *pass) run() error {
	err := p.below(p.sweep.Dirty, func(b batch.Batch) error { return p.sweep.Note(b) })
	if err != nil {
		return err
	}
	err = p.below(p.sweep.Start, func(b batch.Batch) error {
		entry, err := p.sweep.Keep(b)
		if err != nil || entry == nil {
			return err
		}
		return p.append(entry)
	})
	for _, entry := range p.sweep.End() {
		if err == nil {
			err = p.append(entry)
		}
	}
	return err
}

// below calls f with the batches from an offset on up to where the cleaning ends.
func (p *pass) below(from int64, f func(batch.Batch) error) error {
	at := place{kept: len(p.view.cleaned.Kept), index: p.view.first}
	if i := p.view.cleaned.Holding(from); i >= 0 {
		at.kept = i
	} else if from > p.view.cleaned.Upto {
		var err error
		if at.index, err = p.view.find(from); err != nil {
			return err
		}
	}
	return p.view.batches(at, func(b batch.Batch) (bool, error) {
		switch {
		case b.BaseOffset() >= p.sweep.Upto:
			return false, nil
		case b.NextOffset() <= from:
			return true, nil
		}
		p.read += int64(len(b))
		if err := p.pace(len(b)); err != nil {
			return false, err
		}
		return true, f(b)
	})
}

// minWait is the shortest wait that is worth a timer.
const minWait = 10 * time.Millisecond

var errStopping = errors.New("the node stops")

// pace waits as long as bytes may take.
func (p *pass) pace(bytes int) error {
	select {
	case <-p.Stop:
		return errStopping
	default:
	}
	if p.BytesPerSecond <= 0 {
		return nil
	}
	if p.owed += time.Duration(float64(bytes) / p.BytesPerSecond * float64(time.Second)); p.owed < minWait {
		return nil
	}
	wait := p.owed
	p.owed = 0
	if p.Runtime.Wait(wait, p.Stop) >= 0 {
		return errStopping
	}
	return nil
}

// append puts an entry into the log and waits until it is applied.
func (p *pass) append(entry []byte) error {
	var refused *protocol.Error
	done := make(chan struct{})
	p.ref.send(&Keep{Entry: entry, Epoch: p.epoch, Done: func(err *protocol.Error) { refused = err; close(done) }})
	if p.Runtime.Wait(actors.Forever, done, p.Stop) != 0 {
		return errStopping
	}
	if refused != nil {
		return refused
	}
	p.kept += int64(len(entry))
	return nil
}
