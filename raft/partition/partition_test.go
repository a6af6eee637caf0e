package partition

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol/batch"
)

func TestRequestsShareAnEntryUpToTheLimit(t *testing.T) {
	s := newSolo(t, Limits{EntryBytes: 400})
	var want [][]byte
	for i, b := range []sent{plain("a"), plain("b"), {producer: -1, padding: 1000}, plain("c"), plain("d")} {
		at := s.stage(b)
		if at.BaseOffset != int64(i) || at.Until != int64(i+1) || at.LogAppendTime != -1 {
			t.Fatalf("request %d is staged at %+v", i, at)
		}
		stamped := b.batch()
		stamped.SetBaseOffset(int64(i))
		stamped.SetLeaderEpoch(1)
		want = append(want, stamped)
	}
	cut := s.p.Cut()
	if len(cut) != 3 {
		t.Fatalf("%d entries, want a+b, the large one, c+d", len(cut))
	}
	var got []byte
	for _, data := range cut {
		got = append(got, Payload(data)...)
	}
	if !bytes.Equal(got, bytes.Join(want, nil)) {
		t.Fatal("the entries do not hold the stamped batches")
	}
	if s.p.Cut() != nil {
		t.Fatal("a second Cut returns entries again")
	}
}

func TestHeaderSaysWhereAnEntryBegins(t *testing.T) {
	s := newSolo(t, Limits{})
	s.commit(sent{producer: -1, time: 500, records: 3})
	s.stage(sent{producer: -1, time: 400})
	s.stage(sent{producer: -1, time: 450})
	h, ok, err := ParseHeader(s.p.Cut()[0])
	if want := (Header{Kind: KindRecords, Batches: 2, BaseOffset: 3, MaxTimestamp: 500}); err != nil || !ok || h != want {
		t.Fatalf("%+v %v %v, want %+v", h, ok, err, want)
	}
	for _, bad := range [][]byte{{1}, make([]byte, HeaderBytes), append([]byte{KindRecords, 9}, make([]byte, 30)...)} {
		if _, ok, err := ParseHeader(bad); ok || err == nil {
			t.Errorf("%x is taken for an entry", bad)
		}
	}
	if _, ok, err := ParseHeader(nil); ok || err != nil {
		t.Error("an entry of Raft's own is not recognised")
	}
}

func TestAppendTimeIsTheLeadersClock(t *testing.T) {
	s := newSolo(t, Limits{})
	b := sent{producer: 7, time: 5}.batch()
	at, err := s.p.Stage(b, StageOptions{AppendTime: 9000})
	if err != nil || at.LogAppendTime != 9000 {
		t.Fatalf("%+v %v", at, err)
	}
	s.propose()
	s.apply()
	stored, _, _ := batch.Next(Payload(s.log[1]))
	if _, err := batch.Check(stored); err != nil || stored.MaxTimestamp() != 9000 || !stored.AppendTime() || s.p.MaxTimestamp() != 9000 {
		t.Fatalf("stored with time %d: %v", stored.MaxTimestamp(), err)
	}
	again, err := s.p.Stage(sent{producer: 7, time: 5}.batch(), StageOptions{AppendTime: 9999})
	if err != nil || again.LogAppendTime != 9000 || again.BaseOffset != 0 {
		t.Fatalf("the repetition is answered with %+v %v, want the original's time", again, err)
	}
}

func TestAppendRefusesWhatDoesNotFollow(t *testing.T) {
	entry := func(base, maxTime int64) []byte {
		b := plain("x").batch()
		b.SetBaseOffset(base)
		data := append(make([]byte, HeaderBytes), b...)
		Header{Kind: KindRecords, Batches: 1, BaseOffset: base, MaxTimestamp: maxTime}.put(data)
		return data
	}
	torn := entry(2, 10)
	torn = torn[:len(torn)-1]
	lying := entry(2, 10)
	Header{Kind: KindRecords, Batches: 2, BaseOffset: 2, MaxTimestamp: 10}.put(lying)
	for name, test := range map[string]struct {
		index uint64
		data  []byte
	}{
		"a gap of offsets":    {4, entry(3, 10)},
		"an offset again":     {4, entry(1, 10)},
		"time that goes back": {4, entry(2, 4)},
		"a torn batch":        {4, torn},
		"too few batches":     {4, lying},
		"an unknown kind":     {4, append([]byte{9, 1}, make([]byte, 40)...)},
		"a gap of indexes":    {5, nil},
		"an applied index":    {2, entry(0, 10)},
	} {
		s := newSolo(t, Limits{})
		s.commit(sent{producer: -1, time: 5})
		s.stage(sent{producer: -1, time: 5})
		s.propose()
		if err := s.p.Append(test.index, 1, test.data); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestApplyRefusesWhatWasNotAppended(t *testing.T) {
	s := newSolo(t, Limits{})
	if _, err := s.p.Apply(1, 2, nil); err == nil {
		t.Error("another term is applied")
	}
	if _, err := s.p.Apply(2, 1, nil); err == nil {
		t.Error("an entry is left out")
	}
	s.apply()
	if _, err := s.p.Apply(2, 1, nil); err == nil {
		t.Error("an entry that is not in the log is applied")
	}
}

func TestHighWatermarkIsWhatIsApplied(t *testing.T) {
	s := newSolo(t, Limits{})
	s.stage(sent{producer: -1, records: 3})
	s.propose()
	if s.p.HighWatermark() != 0 || s.p.End() != 3 || s.p.LastStable() != 0 {
		t.Fatalf("high watermark %d, end %d before it is committed", s.p.HighWatermark(), s.p.End())
	}
	s.apply()
	if s.p.HighWatermark() != 3 || s.p.LastStable() != 3 {
		t.Fatalf("high watermark %d", s.p.HighWatermark())
	}
}

func TestUnstageGoesBackToTheEndOfTheLog(t *testing.T) {
	s := newSolo(t, Limits{})
	s.commit(sent{producer: 7, seq: 0})
	s.stage(sent{producer: 7, seq: 1})
	s.propose() // in the log, not committed
	s.stage(sent{producer: 7, seq: 2})
	s.p.Unstage()
	if cut := s.p.Cut(); cut != nil {
		t.Fatalf("%d entries are left of what was dropped", len(cut))
	}
	if at := s.stage(sent{producer: 7, seq: 2}); at.BaseOffset != 2 {
		t.Fatalf("staged again at %d, want 2", at.BaseOffset)
	}
	if at := s.stage(sent{producer: 7, seq: 1}); at.BaseOffset != 1 || at.Until != 2 {
		t.Fatalf("the repetition of what is not committed: %+v", at)
	}
}

func TestOnlyLeadersStage(t *testing.T) {
	p := New(Limits{})
	if _, err := p.Stage(plain("x").batch(), StageOptions{AppendTime: -1}); err == nil || err.Kafka != kerr.NotLeaderForPartition {
		t.Errorf("Stage: %v", err)
	}
	if _, _, err := p.StageTrim(0); err == nil || err.Kafka != kerr.NotLeaderForPartition {
		t.Errorf("StageTrim: %v", err)
	}
	p.Unstage()
	if p.Cut() != nil {
		t.Error("Cut returns entries")
	}
}

func TestStageRefusesBrokenRequestsWhole(t *testing.T) {
	s := newSolo(t, Limits{})
	good := plain("x").batch()
	for name, bytes := range map[string][]byte{
		"nothing":            nil,
		"a torn batch":       good[:len(good)-1],
		"a good, a torn one": append(append([]byte{}, good...), good[:30]...),
		"a producer's two":   append(append([]byte{}, good...), sent{producer: 7}.batch()...),
	} {
		if _, err := s.p.Stage(bytes, StageOptions{AppendTime: -1}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if s.p.Cut() != nil {
		t.Error("a refused request left something")
	}
}

func TestEpochsAreThoseThatHaveRecords(t *testing.T) {
	s := newSolo(t, Limits{})
	s.commit(sent{producer: -1, records: 2})
	s.lead(3) // no records in 3
	s.lead(4)
	s.commit(sent{producer: -1, records: 5})
	s.lead(6)
	s.commit(plain("x"))
	before := s.p.Epochs()
	if want := []Epoch{{1, 0}, {4, 2}, {6, 7}}; !reflect.DeepEqual(before, want) {
		t.Fatalf("%v, want %v", before, want)
	}
	s.trim(4)
	if want := []Epoch{{4, 4}, {6, 7}}; !reflect.DeepEqual(s.p.Epochs(), want) {
		t.Fatalf("%v after the trim, want %v", s.p.Epochs(), want)
	}
	s.trim(-1)
	if want := []Epoch{{6, 8}}; !reflect.DeepEqual(s.p.Epochs(), want) {
		t.Fatalf("%v after the whole was trimmed, want %v", s.p.Epochs(), want)
	}
	if want := []Epoch{{1, 0}, {4, 2}, {6, 7}}; !reflect.DeepEqual(before, want) {
		t.Fatal("what was returned before has changed")
	}
}

func TestRecycledBuffersDoNotLeakIntoOtherEntries(t *testing.T) {
	s := newSolo(t, Limits{})
	for i := range 20 {
		s.commit(sent{producer: -1, value: "v", padding: (i % 3) * 300})
	}
	next := int64(0)
	for i, data := range s.log {
		h, ok, err := ParseHeader(data)
		if !ok || err != nil {
			continue
		}
		var err2 error
		if next, err2 = h.each(data, func(b batch.Batch) {
			if records, err := b.Records(); err != nil || records[0].Value[0] != 'v' {
				t.Fatalf("entry %d: %v", i+1, err)
			}
		}); err2 != nil {
			t.Fatal(err2)
		}
	}
	if next != 20 {
		t.Fatalf("the log ends at %d", next)
	}
}
