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

// read puts a reading of the clock into the log if one is due.
func (s *solo) read(now, expiration int64) (due bool) {
	s.t.Helper()
	if due = s.p.ClockDue(now, expiration); due {
		s.p.StageClock(now, expiration)
		s.propose()
		s.apply()
	}
	return due
}

// A silent producer is forgotten after its time by the clocks of the leaders, never earlier, and
// not by the timestamps that clients write.
func TestSilentProducersAreForgottenByTheClock(t *testing.T) {
	const expiration = 1000
	s := newSolo(t, Limits{})
	s.commit(sent{producer: 1, time: 5})
	s.commit(sent{producer: 2, time: 5})
	s.commit(sent{producer: -1, time: 1 << 60}) // the log's time is ahead by ages
	if !s.read(10_000, expiration) {
		t.Fatal("nobody's silence is noted")
	}
	s.commit(sent{producer: 2, seq: 1, time: 5})
	if s.read(10_100, expiration) {
		t.Fatal("an eighth of the time has not passed yet")
	}
	for now := int64(10_125); now <= 11_000; now += 125 {
		s.read(now, expiration)
		s.lead(s.term + 1)
		if s.p.Producers() != 2 {
			t.Fatalf("%d producers are left at %d", s.p.Producers(), now)
		}
	}
	if !s.read(11_001, expiration) || s.p.producers[1] != nil || s.p.producers[2] == nil {
		t.Fatalf("the one that was silent for longer is not forgotten, or the other is: %v", s.p.producers)
	}
	if at := s.stage(sent{producer: 1, seq: 17}); at.BaseOffset != s.p.next {
		t.Fatalf("one that was forgotten may not begin anywhere: %+v", at)
	}
	s.p.Unstage()
	if !s.read(11_126, expiration) || s.p.Producers() != 0 {
		t.Fatalf("%d producers are left after all were silent for longer", s.p.Producers())
	}
	if s.read(1<<40, expiration) {
		t.Fatal("a reading is put into a log in which it changes nothing")
	}
}

// A clock that goes back or stands still forgets nobody, and a snapshot of an older build, which
// says when a producer wrote by the log's own time, does not either.
func TestReadingsOfWrongClocksForgetNobody(t *testing.T) {
	s := newSolo(t, Limits{})
	s.commit(sent{producer: 1, time: 7})
	for _, now := range []int64{1 << 41, 5, 1 << 40, 0, 1 << 41} {
		s.read(now, 1<<41)
		s.restart()
		if s.p.Producers() != 1 {
			t.Fatalf("forgotten at %d", now)
		}
	}
	if _, silent := (&producer{heard: 1_700_000_000_000}).silentSince(); silent {
		t.Fatal("the log's time is taken for a reading of the clock")
	}
	if _, silent := (*producer)(nil).with(sent{producer: 1, time: 1 << 60}.batch(), 1<<60).silentSince(); silent {
		t.Fatal("a timestamp ahead by ages is taken for a reading of the clock")
	}
}

// However many producers come: none that is alive is forgotten for another. The others are told to
// try again, and are taken when there is room.
func TestManyProducersPushOutNobody(t *testing.T) {
	const most = 256
	s := newSolo(t, Limits{})
	o := StageOptions{AppendTime: -1, Producers: most}
	first := sent{producer: 1 << 40, seq: 0, value: "the first"}
	s.commit(first)
	refused := 0
	for id := range int64(5 * most) {
		_, err := s.p.Stage(sent{producer: id}.batch(), o)
		if err != nil && (err != errCrowded || !err.Kafka.Retriable) {
			t.Fatal(err)
		}
		if err != nil {
			refused++
		}
		if id%3 == 0 {
			s.propose()
		}
		if id%7 == 0 {
			s.apply()
		}
	}
	s.propose()
	s.apply()
	if s.p.Producers() != most || refused != 4*most+1 {
		t.Fatalf("%d producers are remembered, %d were refused", s.p.Producers(), refused)
	}
	if at, err := s.p.Stage(first.batch(), o); err != nil || at.BaseOffset != 0 {
		t.Fatalf("the first producer's repetition is staged at %+v: %v", at, err)
	}
	if _, err := s.p.Stage(sent{producer: 7, seq: 1}.batch(), o); err != nil {
		t.Fatalf("one that is known is refused: %v", err)
	}
	if _, err := s.p.Stage(plain("without an id").batch(), o); err != nil {
		t.Fatalf("one without an id is refused: %v", err)
	}
	s.p.Unstage()
	s.read(1000, 100)
	s.read(2000, 100)
	if _, err := s.p.Stage(sent{producer: 1 << 41}.batch(), o); err != nil {
		t.Fatalf("there is room again, and a new one is refused: %v", err)
	}
	if n := len(s.p.Snapshot()); n > most*50 {
		t.Fatalf("the snapshot takes %d bytes", n)
	}
}
