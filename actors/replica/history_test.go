package replica

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/badger"
)

// history is a partition beside a model of it: all that was ever written, by offset, and where the
// last record of each key is. What happens is drawn by seed.
type history struct {
	*alone
	*rand.Rand
	t       testing.TB
	written []batch.Record
	epochs  []int32 // of each record
	latest  map[string]int64
	now     int64
}

func newHistory(t testing.TB, n *alone, seed uint64) *history {
	return &history{alone: n, Rand: rand.New(rand.NewPCG(seed, 0)), t: t, latest: map[string]int64{}, now: 10_000}
}

// write produces a batch over few keys; some records are tombstones, some have no key or no time.
func (h *history) write() {
	h.t.Helper()
	all := make([]batch.Record, 1+h.IntN(6))
	for i := range all {
		r := batch.Record{Timestamp: h.now - int64(h.IntN(3000)), Key: fmt.Append(nil, "k", h.IntN(8))}
		if h.IntN(3) > 0 {
			r.Value = append(fmt.Append(nil, "v", len(h.written)+i, "/"), make([]byte, h.IntN(2)*h.IntN(20_000))...)
		}
		if h.IntN(8) == 0 {
			r.Key, r.Value = nil, []byte("without a key")
		}
		if h.IntN(8) == 0 {
			r.Timestamp = -1
		}
		all[i] = r
	}
	b, err := batch.Build(all).Recompress(int8(h.IntN(2) * 2))
	if err != nil {
		h.t.Fatal(err)
	}
	base := int64(len(h.written))
	h.ref.Append(&Records{Batches: b, Epoch: -1, Done: func(a Appended) {
		if a.Err != nil || a.BaseOffset != base {
			h.t.Fatalf("appended at %d, want %d: %v", a.BaseOffset, base, a.Err)
		}
	}})
	for i, r := range all {
		r.Offset = base + int64(i)
		h.written, h.epochs = append(h.written, r), append(h.epochs, h.ref.View().Epoch)
		if r.Key != nil {
			h.latest[string(r.Key)] = r.Offset
		}
	}
}

// tidy has the log cleaned, trimmed by age or by a client.
func (h *history) tidy() {
	h.t.Helper()
	v := h.ref.View()
	switch h.IntN(4) {
	case 0:
		h.ref.Trim(&Trim{Offset: v.LogStart + h.Int64N(v.HighWatermark-v.LogStart+1), Done: func(_ int64, err *protocol.Error) {
			if err != nil {
				h.t.Fatal(err)
			}
		}})
	case 1:
		policy := compacted
		policy.Delete, policy.Compact, policy.RetentionMS = true, false, 10_000
		h.tend(policy, h.now)
	default:
		policy := compacted
		policy.TombstoneMS = 2000
		t := h.tend(policy, h.now)
		if !t.Due {
			return
		}
		if _, _, err := (&Cleaner{Runtime: actors.Goroutines{}}).Clean(h.ref, t); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *history) step() {
	h.t.Helper()
	h.now += int64(h.IntN(600))
	switch what := h.IntN(20); {
	case what < 13:
		h.write()
	case what < 19:
		h.tidy()
	default:
		h.restart()
	}
}

// kept is what a consumer of all that is kept sees, by the model's own account.
func (h *history) kept(v *View) []batch.Record {
	h.t.Helper()
	seen := h.readView(v, v.LogStart)
	last := int64(-1)
	there := map[int64]bool{}
	for _, r := range seen {
		want := h.written[r.Offset]
		if r.Offset <= last || !bytes.Equal(r.Key, want.Key) || !bytes.Equal(r.Value, want.Value) || r.Timestamp != want.Timestamp {
			h.t.Fatalf("offset %d after %d is not as it was written", r.Offset, last)
		}
		last, there[r.Offset] = r.Offset, true
	}
	for key, offset := range h.latest {
		if offset >= v.LogStart && h.written[offset].Value != nil && !there[offset] {
			h.t.Fatalf("the last record of key %s, %d, is gone", key, offset)
		}
	}
	for offset := max(v.LogStart, v.cleaned.Upto); offset < v.HighWatermark; offset++ {
		if !there[offset] {
			h.t.Fatalf("offset %d was never cleaned and is gone", offset)
		}
	}
	return seen
}

// check holds all that a view answers against the model.
func (h *history) check() {
	h.t.Helper()
	v := h.ref.View()
	if v.HighWatermark != int64(len(h.written)) {
		h.t.Fatalf("the log ends at %d, %d records were written", v.HighWatermark, len(h.written))
	}
	seen := h.kept(v)
	if v.LogStart < v.HighWatermark {
		from := v.LogStart + h.Int64N(v.HighWatermark-v.LogStart)
		h.readView(v, from)
		stored := *v
		stored.chunks, stored.views = nil, nil // as if nothing were in memory
		h.readView(&stored, from)
		h.checkBelow(&stored, from)
	}
	h.checkTimes(v, seen)
	h.checkEpochs(v)
}

// checkBelow reads up to an offset that is not the end, as who reads committed transactions alone.
func (h *history) checkBelow(v *View, from int64) {
	h.t.Helper()
	upto := from + 1 + h.Int64N(v.HighWatermark-from)
	chunks, err := v.Read(from, FetchLimits{MaxBytes: 1 << 20, MinOne: true, Upto: upto})
	if err != nil || len(chunks) == 0 {
		h.t.Fatalf("offset %d up to %d: %d chunks, %v", from, upto, len(chunks), err)
	}
	if b, _, ok := batch.Next(chunks[0]); !ok || b.NextOffset() <= from {
		h.t.Fatalf("offset %d up to %d leads to %d", from, upto, b.NextOffset())
	}
}

// checkTimes holds ListOffsets by time against the records.
func (h *history) checkTimes(v *View, seen []batch.Record) {
	h.t.Helper()
	first := func(ms int64) int64 {
		for _, r := range seen {
			if r.Timestamp >= ms {
				return r.Offset
			}
		}
		return -1
	}
	largest := int64(math.MinInt64)
	for _, r := range seen {
		largest = max(largest, r.Timestamp)
	}
	for _, ms := range []int64{0, h.Int64N(h.now + 1), h.now - h.Int64N(4000), largest} {
		ms = max(ms, 0)
		at, found, err := v.OffsetForTime(ms)
		if want := first(ms); err != nil || found != (want >= 0) || found && at.Offset != want {
			h.t.Fatalf("time %d of [%d, %d) is at %+v (%v %v), want %d", ms, v.LogStart, v.HighWatermark, at, found, err, want)
		}
		if found && (at.Timestamp != h.written[at.Offset].Timestamp || at.Epoch != h.epochs[at.Offset]) {
			h.t.Fatalf("time %d is at %+v, written was time %d in epoch %d", ms, at, h.written[at.Offset].Timestamp, h.epochs[at.Offset])
		}
	}
	at, found, err := v.MaxTimestamp()
	if err != nil || found != (len(seen) > 0) || found && (at.Timestamp != largest || at.Offset != first(largest)) {
		h.t.Fatalf("the largest time of [%d, %d) is at %+v (%v %v), want %d at %d", v.LogStart, v.HighWatermark, at, found, err, largest, first(largest))
	}
}

// checkEpochs asks as a consumer that read up to some offset does whether what it read is still
// there.
func (h *history) checkEpochs(v *View) {
	h.t.Helper()
	for offset, epoch := range h.epochs {
		if got, end := v.EpochEnd(epoch); got != epoch || end <= int64(offset) {
			h.t.Fatalf("who read offset %d in epoch %d is told of (%d, %d)", offset, epoch, got, end)
		}
		if got := v.EpochOf(int64(offset)); int64(offset) >= v.LogStart && got != epoch {
			h.t.Fatalf("offset %d has epoch %d, not %d", offset, got, epoch)
		}
	}
}

// Whatever a log goes through, writes, cleanings, trims, retention and restarts with other leaders,
// it holds the last value of every key at its offset, every reader comes to its end, and what is
// answered by time and by epoch agrees with the records.
func TestLogsAgreeWithTheirHistory(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := newHistory(t, newAlone(t), seed)
			for range 50 {
				h.step()
				h.check()
			}
		})
	}
}

// The same on the store of a node, which forgets nothing and gives back what is not needed.
func TestStoredLogsAgreeWithTheirHistory(t *testing.T) {
	dir := t.TempDir()
	var store *badger.Store
	open := func() storage.Store {
		if store != nil {
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if store, err = badger.Open(badger.Options{Dir: dir, Fatal: func(err error) { t.Fatal(err) }}); err != nil {
			t.Fatal(err)
		}
		return store
	}
	h := newHistory(t, newAloneOn(t, open(), open), 1)
	t.Cleanup(func() { store.Close() })
	for range 60 {
		h.step()
		h.check()
	}
}
