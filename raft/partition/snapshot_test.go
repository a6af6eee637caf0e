package partition

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// lived is a partition with a bit of everything.
func lived(t tester) *solo {
	s := newSolo(t, Limits{})
	s.p.marks.distance = 100
	for i := range int32(12) {
		s.commit(sent{producer: int64(i % 3), seq: i / 3, time: int64(i) * 1000, records: 1})
	}
	s.lead(9)
	s.commit(plain("x"))
	s.trim(5)
	return s
}

func TestRestoreReturnsToTheSnapshot(t *testing.T) {
	s := lived(t)
	want := s.p.Snapshot()
	p := New(Limits{})
	if err := p.Restore(want); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.Snapshot(), want) {
		t.Fatal("the snapshot of the restored differs")
	}
	if p.HighWatermark() != 13 || p.Start() != 5 || p.End() != 13 || p.MaxTimestamp() != 11000 || p.Reclaimable() != s.p.Reclaimable() {
		t.Fatalf("[%d, %d), end %d, time %d", p.Start(), p.HighWatermark(), p.End(), p.MaxTimestamp())
	}
	for _, empty := range [][]byte{nil, {}} {
		if err := p.Restore(empty); err != nil || p.HighWatermark() != 0 || p.End() != 0 || !bytes.Equal(p.Snapshot(), New(Limits{}).Snapshot()) {
			t.Fatalf("the state of an empty shard: %v", err)
		}
	}
}

// A replica that starts from a snapshot makes the same of every later entry: it forgets the same
// producers and sets the same marks.
func TestARestoredReplicaGoesOnAsTheOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSolo(t, Limits{})
		s.p.marks.distance = 150
		states := [][]byte{nil, nil}
		note := func() { states = append(states, s.p.Snapshot()) }
		now := int64(0)
		for range 50 + bits.Draw(t, "entries") {
			now += int64(bits.Draw(t, "pause") / 32)
			s.commit(sent{producer: int64(len(states)), time: now, padding: bits.Draw(t, "padding")})
			note()
			if s.read(now, 80) {
				note()
			}
			if bits.Draw(t, "trim") < 10 {
				s.trim(s.p.start + 1)
				note()
			}
		}
		from := 2 + bits.Draw(t, "from")*(len(s.log)-2)/256
		restored := New(Limits{})
		if err := restored.Restore(states[from]); err != nil {
			t.Fatal(err)
		}
		for i := restored.index + 1; i <= uint64(len(s.log)); i++ {
			if err := restored.Append(i, s.terms[i-1], s.log[i-1]); err != nil {
				t.Fatal(err)
			}
			if _, err := restored.Apply(i, s.terms[i-1], s.log[i-1]); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(restored.Snapshot(), states[i]) {
				t.Fatalf("started from the snapshot at %d, it differs at %d", from, i)
			}
		}
	})
}

func TestRestoreForgetsTheTail(t *testing.T) {
	s := lived(t)
	snapshot := s.p.Snapshot()
	s.stage(plain("not committed"))
	s.propose()
	if err := s.p.Restore(snapshot); err != nil || s.p.End() != 13 {
		t.Fatalf("the log ends at %d: %v", s.p.End(), err)
	}
}

func TestRestoreRefusesWhatIsNotASnapshot(t *testing.T) {
	whole := lived(t).p.Snapshot()
	for n := 1; n < len(whole); n++ {
		if New(Limits{}).Restore(whole[:n]) == nil {
			t.Fatalf("%d of %d bytes are taken", n, len(whole))
		}
	}
	if New(Limits{}).Restore(append(bytes.Clone(whole), 0)) == nil {
		t.Fatal("a byte more is taken")
	}
	if New(Limits{}).Restore([]byte{snapshotVersion + 1, 0}) == nil {
		t.Fatal("another version is taken")
	}
}

func FuzzRestore(f *testing.F) {
	f.Add(lived(f).p.Snapshot())
	f.Add([]byte{snapshotVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := New(Limits{})
		if p.Restore(b) != nil || len(b) == 0 {
			return
		}
		again := New(Limits{})
		if err := again.Restore(p.Snapshot()); err != nil || !bytes.Equal(again.Snapshot(), p.Snapshot()) {
			t.Fatalf("a snapshot that was taken does not survive: %v", err)
		}
	})
}

func FuzzAppend(f *testing.F) {
	for _, data := range lived(f).log {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := New(Limits{})
		if p.Append(1, 1, data) != nil {
			return
		}
		if _, err := p.Apply(1, 1, data); err != nil || p.HighWatermark() < 0 {
			t.Fatalf("what was appended is not applied: %v, high watermark %d", err, p.HighWatermark())
		}
	})
}
