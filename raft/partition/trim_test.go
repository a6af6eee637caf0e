package partition

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"
)

// trim commits a trim and returns where the log starts.
func (s *solo) trim(to int64) int64 {
	s.t.Helper()
	start, _, err := s.p.StageTrim(to)
	if err != nil {
		s.t.Fatal(err)
	}
	s.propose()
	s.apply()
	if s.p.Start() != start {
		s.t.Fatalf("the log starts at %d, StageTrim said %d", s.p.Start(), start)
	}
	return start
}

func TestTrimMovesTheStartForwardOnly(t *testing.T) {
	s := newSolo(t, Limits{})
	for range 10 {
		s.commit(plain("x"))
	}
	if got := s.trim(4); got != 4 {
		t.Fatalf("trimmed to %d", got)
	}
	if start, done, err := s.p.StageTrim(2); start != 4 || !done || err != nil || s.p.Cut() != nil {
		t.Fatalf("back to 2: %d %v %v", start, done, err)
	}
	s.stage(plain("not committed"))
	s.propose()
	for _, offset := range []int64{11, -2} {
		if _, _, err := s.p.StageTrim(offset); err == nil || err.Kafka != kerr.OffsetOutOfRange {
			t.Errorf("trim to %d: %v", offset, err)
		}
	}
	if start, _, err := s.p.StageTrim(-1); start != 10 || err != nil {
		t.Fatalf("trim to the high watermark: %d %v", start, err)
	}
}

func TestATrimLiesBehindWhatWasStagedBefore(t *testing.T) {
	s := newSolo(t, Limits{})
	s.commit(plain("x"))
	s.stage(plain("y"))
	if _, _, err := s.p.StageTrim(1); err != nil {
		t.Fatal(err)
	}
	s.stage(plain("z"))
	if n := s.propose(); n != 3 {
		t.Fatalf("%d entries, want y, the trim, z", n)
	}
	s.apply()
	if s.p.Start() != 1 || s.p.HighWatermark() != 3 {
		t.Fatalf("[%d, %d), want [1, 3)", s.p.Start(), s.p.HighWatermark())
	}
}

func TestProducersSurviveTheTrimOfTheirRecords(t *testing.T) {
	s := newSolo(t, Limits{})
	s.commit(sent{producer: 7, seq: 0})
	s.trim(-1)
	if at := s.stage(sent{producer: 7, seq: 0}); at.BaseOffset != 0 || at.Until != 1 {
		t.Fatalf("the repetition is staged at %+v", at)
	}
}

// What is reclaimable is below the start, as much as promised, and never goes back.
func TestReclaimable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSolo(t, Limits{})
		s.p.marks.distance = 200 // so that marks become too many
		ends := map[uint64]int64{1: 0}
		last := uint64(0)
		for range rapid.IntRange(1, 40).Draw(t, "rounds") {
			for range rapid.IntRange(0, 60).Draw(t, "entries") {
				s.commit(sent{producer: -1, padding: rapid.IntRange(0, 300).Draw(t, "padding")})
				ends[s.p.index] = s.p.next
			}
			if rapid.Bool().Draw(t, "trim") {
				s.trim(rapid.Int64Range(s.p.start, s.p.next).Draw(t, "to"))
				ends[s.p.index] = s.p.next
			}
			got := s.p.Reclaimable()
			if got < last || got > s.p.index {
				t.Fatalf("reclaimable up to %d after %d, applied %d", got, last, s.p.index)
			}
			for i := last + 1; i <= got; i++ {
				if ends[i] > s.p.start {
					t.Fatalf("entry %d ends at %d, the log starts at %d", i, ends[i], s.p.start)
				}
			}
			if len(s.p.marks.at) > maxMarks {
				t.Fatalf("%d marks", len(s.p.marks.at))
			}
			last = got
		}
		s.trim(-1)
		if s.p.start > 0 && s.p.Reclaimable()+1 < s.p.index {
			t.Fatalf("everything is trimmed, only %d of %d entries are reclaimable", s.p.Reclaimable(), s.p.index)
		}
	})
}

func TestReclaimableIsKnownToASmallPartOfTheLog(t *testing.T) {
	s := newSolo(t, Limits{})
	s.p.marks.distance = 1
	const entries = 5000
	for range entries {
		s.commit(plain("x"))
	}
	s.trim(entries / 2)
	if got := s.p.Reclaimable(); got > entries/2+1 || got < entries/2-entries/100 {
		t.Fatalf("%d entries are reclaimable, want about %d", got, entries/2)
	}
}
