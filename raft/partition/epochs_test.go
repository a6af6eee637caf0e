package partition

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// read is a record that some consumer may have read: its offset and its epoch.
type read struct {
	offset int64
	epoch  int32
}

// history is every record that a host has applied, trimmed or not, in order: the log itself is the
// model.
func (w *world) history(h *host) (all []read) {
	for _, e := range h.log[:h.p.index] {
		header, ok, err := ParseHeader(e.data)
		if err != nil {
			w.t.Fatal(err)
		}
		if !ok || header.Kind != KindRecords {
			continue
		}
		header.each(e.data, func(b batch.Batch) {
			for o := b.BaseOffset(); o < b.NextOffset(); o++ {
				all = append(all, read{o, b.LeaderEpoch()})
			}
		})
	}
	return all
}

// checkEpochs holds what a host answers about epochs against all records that ever were in its log.
func (w *world) checkEpochs(h *host) {
	all := w.history(h)
	ends := map[int32]int64{} // of each epoch, the offset after its last record
	for _, r := range all {
		ends[r.epoch] = r.offset + 1
	}
	current, end := int32(h.term), h.p.HighWatermark()
	answer := func(epoch int32) (int32, int64) { return EpochEnd(h.p.Epochs(), epoch, current, end) }
	for epoch, last := range ends {
		want := max(last, h.p.Start())
		if epoch == current {
			want = end
		}
		if got, at := answer(epoch); got != epoch || at != want {
			w.t.Fatalf("epoch %d ends at (%d, %d), want (%d, %d): log [%d, %d), epochs %v", epoch, got, at, epoch, want, h.p.Start(), end, h.p.Epochs())
		}
	}
	for epoch := int32(0); epoch < current; epoch++ {
		if got, at := answer(epoch); got > epoch || got < 0 || at > end {
			w.t.Fatalf("epoch %d is answered (%d, %d) by a log of epoch %d that ends at %d", epoch, got, at, current, end)
		}
	}
	for _, epoch := range []int32{-1, current + 1, current + 100} {
		if got, at := answer(epoch); got != -1 || at != -1 {
			w.t.Fatalf("epoch %d is answered (%d, %d), it is not known", epoch, got, at)
		}
	}
	for _, r := range all {
		if got := EpochOf(h.p.Epochs(), r.offset); r.offset >= h.p.Start() && got != r.epoch {
			w.t.Fatalf("offset %d has epoch %d, not %d", r.offset, r.epoch, got)
		}
	}
}

// Whatever elections, trims, crashes and snapshots a replica went through: nobody who read
// committed records is told that they were truncated. A consumer at any position, of any epoch that
// it read, gets that epoch and an end that is not before its position.
func TestEpochsAgreeWithTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range 50 + 2*bits.Draw(t, "steps") {
			w.step()
			w.checkEpochs(w.hosts[bits.Draw(t, "asked")%len(w.hosts)])
		}
		for range 2 { // a trim of all that is old, and of all that there is
			h := w.heal()
			w.checkEpochs(h)
			if _, _, err := h.p.StageTrim(-1); err != nil {
				t.Fatal(err)
			}
		}
		w.checkEpochs(w.heal())
	})
}

// What Kafka's LeaderEpochFileCache answers.
func TestEpochEnd(t *testing.T) {
	epochs := []Epoch{{3, 100}, {5, 150}}
	for _, c := range []struct {
		asked, current int32
		epochs         []Epoch
		epoch          int32
		offset         int64
	}{
		{asked: 1, current: 5, epochs: epochs, epoch: 1, offset: 100},  // its records were trimmed
		{asked: 3, current: 5, epochs: epochs, epoch: 3, offset: 150},  //
		{asked: 4, current: 5, epochs: epochs, epoch: 3, offset: 150},  // it had no records
		{asked: 5, current: 5, epochs: epochs, epoch: 5, offset: 200},  //
		{asked: 5, current: 9, epochs: epochs, epoch: 5, offset: 200},  // the leader has no records yet
		{asked: 7, current: 9, epochs: epochs, epoch: 5, offset: 200},  //
		{asked: 9, current: 9, epochs: epochs, epoch: 9, offset: 200},  //
		{asked: 10, current: 9, epochs: epochs, epoch: -1, offset: -1}, // newer than the leader
		{asked: -1, current: 9, epochs: epochs, epoch: -1, offset: -1}, // no epoch
		{asked: 2, current: 9, epochs: nil, epoch: 2, offset: 200},     // no records at all
		{asked: 0, current: 9, epochs: epochs, epoch: 0, offset: 100},  //
		{asked: 10, current: 9, epochs: nil, epoch: -1, offset: -1},    //
	} {
		if epoch, offset := EpochEnd(c.epochs, c.asked, c.current, 200); epoch != c.epoch || offset != c.offset {
			t.Errorf("epoch %d at epoch %d of %v: (%d, %d), want (%d, %d)", c.asked, c.current, c.epochs, epoch, offset, c.epoch, c.offset)
		}
	}
}
