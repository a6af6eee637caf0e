package partition

import (
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// The rules of Kafka's ProducerAppendInfo.checkSequence and ProducerStateEntry.findDuplicateBatch.
func TestProducerSequences(t *testing.T) {
	const id = 7
	for name, test := range map[string]struct {
		before []sent
		send   sent
		want   *kerr.Error
		again  int64 // offset of the batch that this one repeats; 0 if it is new
	}{
		"an unknown producer begins anywhere":   {nil, sent{producer: id, seq: 41}, nil, 0},
		"the next":                              {[]sent{{seq: 0, records: 3}}, sent{seq: 3}, nil, 0},
		"a gap":                                 {[]sent{{seq: 0, records: 3}}, sent{seq: 4}, kerr.OutOfOrderSequenceNumber, 0},
		"a part of the last":                    {[]sent{{seq: 0, records: 3}}, sent{seq: 2}, kerr.OutOfOrderSequenceNumber, 0},
		"more than the last":                    {[]sent{{seq: 0, records: 3}}, sent{seq: 0, records: 4}, kerr.OutOfOrderSequenceNumber, 0},
		"the last again":                        {[]sent{{seq: 0}, {seq: 1, records: 2}}, sent{seq: 1, records: 2}, nil, 2},
		"the fifth last again":                  {[]sent{{seq: 0}, {seq: 1}, {seq: 2}, {seq: 3}, {seq: 4}, {seq: 5}}, sent{seq: 1}, nil, 2},
		"the sixth last again":                  {[]sent{{seq: 0}, {seq: 1}, {seq: 2}, {seq: 3}, {seq: 4}, {seq: 5}}, sent{seq: 0}, kerr.OutOfOrderSequenceNumber, 0},
		"an older epoch":                        {[]sent{{epoch: 2}}, sent{epoch: 1, seq: 1}, kerr.InvalidProducerEpoch, 0},
		"a newer epoch begins at 0":             {[]sent{{seq: 0}, {seq: 1}}, sent{epoch: 1, seq: 0}, nil, 0},
		"a newer epoch begins elsewhere":        {[]sent{{seq: 0}, {seq: 1}}, sent{epoch: 1, seq: 2}, kerr.OutOfOrderSequenceNumber, 0},
		"a newer epoch repeats an older":        {[]sent{{seq: 0}}, sent{epoch: 1, seq: 0}, nil, 0},
		"behind the largest number":             {[]sent{{seq: math.MaxInt32}}, sent{seq: 0}, nil, 0},
		"a batch across the largest number":     {[]sent{{seq: math.MaxInt32 - 1, records: 4}}, sent{seq: 2}, nil, 0},
		"the first of a newer epoch again":      {[]sent{{seq: 5}, {epoch: 1, seq: 0}}, sent{epoch: 1, seq: 0}, nil, 2},
		"the same range across the largest one": {[]sent{{seq: math.MaxInt32 - 1, records: 4}}, sent{seq: math.MaxInt32 - 1, records: 4}, nil, 1},
	} {
		for _, where := range []string{"staged", "in the log", "committed", "restored"} {
			s := newSolo(t, Limits{})
			s.commit(plain("so that no offset is 0"))
			for _, b := range test.before {
				b.producer = id
				s.stage(b)
			}
			s.bring(where)
			end := s.p.staged.next
			test.send.producer = id
			at, err := s.p.Stage(test.send.batch(), StageOptions{AppendTime: -1})
			switch {
			case test.want != nil && (err == nil || err.Kafka != test.want):
				t.Errorf("%s, %s: %v, want %v", name, where, err, test.want)
			case test.want != nil:
			case err != nil:
				t.Errorf("%s, %s: %v", name, where, err)
			case test.again > 0 && (at.BaseOffset != test.again || at.Until != test.again+int64(max(test.send.records, 1))):
				t.Errorf("%s, %s: %+v, want the place of the original at %d", name, where, at, test.again)
			case test.again > 0 && s.p.staged.next != end:
				t.Errorf("%s, %s: the repetition was appended again", name, where)
			case test.again == 0 && at.BaseOffset != end:
				t.Errorf("%s, %s: staged at %d, want %d", name, where, at.BaseOffset, end)
			}
		}
	}
}

// bring takes what is staged to where the name says.
func (s *solo) bring(where string) {
	s.t.Helper()
	if where == "staged" {
		return
	}
	s.propose()
	if where == "in the log" {
		s.lead(s.term + 1)
		return
	}
	s.apply()
	if where == "restored" {
		p := New(Limits{})
		if err := p.Restore(s.p.Snapshot()); err != nil {
			s.t.Fatal(err)
		}
		s.p = p
		s.lead(s.term + 1)
	}
}

func TestProducersAreForgottenByTheLogsTime(t *testing.T) {
	s := newSolo(t, Limits{ProducerExpirationMS: 1000})
	for id := range int64(keptProducers + 10) {
		s.commit(sent{producer: id, time: 100})
	}
	s.commit(sent{producer: -1, time: 1100})
	if n := len(s.p.producers); n != keptProducers+10 {
		t.Fatalf("%d producers are left at the limit", n)
	}
	s.commit(sent{producer: -1, time: 1300})
	if n := len(s.p.producers); n != keptProducers {
		t.Fatalf("%d producers are left after it, want the newest %d", n, keptProducers)
	}
	if s.p.producers[9] != nil || s.p.producers[10] == nil {
		t.Fatal("it is not the oldest that were forgotten")
	}
	if at := s.stage(sent{producer: 3, seq: 17}); at.BaseOffset != s.p.next {
		t.Fatalf("one that was forgotten may not begin anywhere: %+v", at)
	}
}

// A producer that brings a backlog of old records is heard now, whatever their timestamps say.
func TestProducersOfOldRecordsAreRemembered(t *testing.T) {
	s := newSolo(t, Limits{ProducerExpirationMS: 1000})
	s.commit(sent{producer: -1, time: 1_000_000})
	s.commit(sent{producer: 1, time: 5})
	for id := range int64(keptProducers) {
		s.commit(sent{producer: 100 + id, time: 1_000_200})
	}
	if s.p.producers[1] == nil {
		t.Fatal("forgotten")
	}
}

func TestProducersAreBounded(t *testing.T) {
	const limit = 256
	s := newSolo(t, Limits{Producers: limit})
	for id := range int64(5 * limit) {
		s.commit(sent{producer: id})
		if n := len(s.p.producers); n > limit {
			t.Fatalf("%d producers", n)
		}
		if s.p.producers[id] == nil || len(s.p.staged.producers) != 0 {
			t.Fatalf("producer %d is not there, or %d are left on the side", id, len(s.p.staged.producers))
		}
	}
	if n := len(s.p.Snapshot()); n > limit*40 {
		t.Fatalf("the snapshot takes %d bytes", n)
	}
}
