package coordination

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// shelf is a core as small as one can be: what its records say, by key.
type shelf struct {
	Uncommitted
	Writer
	holds map[string]string
}

func newShelf(limit int) *shelf {
	s := &shelf{holds: make(map[string]string)}
	s.Writer = NewWriter(&s.Uncommitted, s.decode, limit)
	return s
}

type placed struct {
	on         *shelf
	key, value string
}

func (s *shelf) decode(by Producer, r Record) (Change, error) {
	change := &placed{s, string(r.Key), string(r.Value)}
	switch {
	case by.Control:
		return nil, nil
	case change.value == "broken":
		change.value = "lost"
		return change, errors.New("it is broken")
	case change.value == "blurred":
		change.value = "blurry"
	case change.value == "misplaced":
		change.key = "elsewhere"
	case change.value == "foreign":
		return nil, nil
	}
	return change, nil
}

func (p *placed) Key() string { return p.key }
func (p *placed) Apply()      { p.on.holds[p.key] = p.value }
func (p *placed) Record() Record {
	return Record{Key: []byte(p.key), Value: []byte(p.value)}
}

func put(key, value string) []Record {
	return []Record{{Key: []byte(key), Value: []byte(value)}}
}

// What the next coordinator would not read as it was written is refused, and changes nothing.
func TestWhatDoesNotReadBackIsRefused(t *testing.T) {
	for _, value := range []string{"broken", "blurred", "misplaced", "foreign"} {
		s := newShelf(0)
		records := append(put("k", "first"), put("k", value)...)
		if err := s.Write("k", records); err != kerr.UnknownServerError {
			t.Errorf("%s: %v", value, err)
		}
		if len(s.holds) != 0 || len(s.TakeWrites()) != 0 {
			t.Errorf("%s: a refused write left %v", value, s.holds)
		}
	}
}

// Replay takes of a damaged record what can be said, and tells; what is foreign it passes over.
func TestReplayTakesWhatCanBeRead(t *testing.T) {
	s := newShelf(0)
	if err := s.Replay(NoProducer, put("a", "broken")[0]); err == nil || s.holds["a"] != "lost" {
		t.Errorf("%v, %v", err, s.holds)
	}
	marker := Producer{ID: 1, Transactional: true, Control: true}
	if err := s.Replay(marker, put("b", "x")[0]); err != nil || len(s.holds) != 1 {
		t.Errorf("%v, %v", err, s.holds)
	}
}

// An answer waits for what was decided about its key, and for nothing that was decided later or
// about others.
func TestAnswersLeaveWhenTheyAreTrue(t *testing.T) {
	s := newShelf(0)
	var told []string
	say := func(what string) func(*kerr.Error) {
		return func(err *kerr.Error) {
			if err != nil {
				what += " " + err.Message
			}
			told = append(told, what)
		}
	}
	write := func(key string) {
		if err := s.Write(key, put(key, "x")); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when string, want ...string) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("%s: told %q, want %q", when, told, want)
		}
		told = nil
	}
	s.When("a", say("nothing is open"))
	expect("at once", "nothing is open")
	write("a")
	s.When("a", say("a1"))
	write("b")
	s.When("b", say("b"))
	s.When("c", say("c"))
	s.WhenAll(say("all"))
	write("a")
	s.When("a", say("a2"))
	expect("before a commit", "c")
	if n := len(s.TakeWrites()); n != 3 {
		t.Fatalf("%d writes, want 3", n)
	}
	s.Committed(1, 1)
	expect("after the first", "a1")
	s.When("b", say("b again"))
	s.Committed(2, 1)
	expect("after the second", "b", "all", "b again")
	reply := s.Held("a", func(kmsg.Response) { told = append(told, "held") },
		func(err *kerr.Error) kmsg.Response { told = append(told, err.Message); return nil })
	reply(nil)
	ran := false
	if !s.OnCommit("a", func(int64) { ran = true }) || s.OnCommit("b", func(int64) { ran = true }) {
		t.Error("a is open and b is not")
	}
	s.Uncommitted.Abandon(kerr.NotCoordinator)
	expect("abandoned", "a2 NOT_COORDINATOR", "NOT_COORDINATOR", "held")
	if ran {
		t.Error("what waits for a commit ran without one")
	}
}

func TestReadOnlyRefusesBeforeAnythingChanges(t *testing.T) {
	s := newShelf(0)
	s.ReadOnly(true)
	if err := s.Write("a", put("a", "x")); err != kerr.CoordinatorNotAvailable || len(s.holds) != 0 || s.Writable() {
		t.Errorf("%v, %v", err, s.holds)
	}
}

// Many records are several writes, each below the limit; one that is too large is refused.
func TestLargeWritesAreSplit(t *testing.T) {
	s := newShelf(1000)
	var records []Record
	for range 30 {
		records = append(records, put("k", strings.Repeat("x", 50))...)
	}
	if err := s.Write("k", records); err != kerr.RecordListTooLarge {
		t.Errorf("too much at once: %v", err)
	}
	if err := s.WriteAll("k", records); err != nil {
		t.Fatal(err)
	}
	writes, n := s.TakeWrites(), 0
	for _, w := range writes {
		if n += len(w.Records); w.Bytes() > 1000 {
			t.Errorf("a write of %d bytes", w.Bytes())
		}
	}
	if n != 30 || len(writes) < 3 {
		t.Errorf("%d records in %d writes", n, len(writes))
	}
}

// A batch has one producer, markers share none, and order stays.
func TestBatchesAreOfOneProducer(t *testing.T) {
	one, two := Producer{ID: 1, Transactional: true}, Producer{ID: 2, Transactional: true}
	marker := Producer{ID: 1, Transactional: true, Control: true}
	s := newShelf(0)
	for _, by := range []Producer{NoProducer, NoProducer, one, one, two, NoProducer} {
		if err := s.WriteBy(by, "k", put("k", "x")); err != nil {
			t.Fatal(err)
		}
	}
	writes := s.TakeWrites()
	for range 2 {
		writes = append(writes, &Write{Producer: marker, Records: put("k", "x")})
	}
	lengths := func(limit int) (all []int) {
		for _, b := range Batches(writes, limit) {
			all = append(all, len(b))
		}
		return all
	}
	if got := lengths(1000); !slices.Equal(got, []int{2, 2, 1, 1, 1, 1}) {
		t.Errorf("batches of %v writes", got)
	}
	if got := lengths(1); len(got) != len(writes) {
		t.Errorf("batches of %v writes, each of which is too large for company", got)
	}
}

type purse struct{ left int64 }

func (p *purse) Take(n int64) { p.left -= n }
func (p *purse) Left() int64  { return p.left }

func TestAnAccountGivesBackWhatItTook(t *testing.T) {
	p := &purse{100}
	a := NewAccount(p)
	a.Charge(60)
	if !a.Room(40) || a.Room(41) || !a.Room(-1) || a.Taken() != 60 {
		t.Errorf("%+v of %+v", a, p)
	}
	a.Charge(-10)
	if a.Close(); p.left != 100 || a.Taken() != 0 {
		t.Errorf("%+v of %+v", a, p)
	}
	if unbounded := NewAccount(nil); !unbounded.Room(1 << 60) {
		t.Error("no budget is no bound")
	}
}

func TestTranslate(t *testing.T) {
	for from, want := range map[*kerr.Error]*kerr.Error{
		kerr.NotLeaderForPartition: kerr.NotCoordinator,
		kerr.MessageTooLarge:       kerr.UnknownServerError,
		kerr.RequestTimedOut:       kerr.CoordinatorNotAvailable,
	} {
		if got := Translate(protocol.Errorf(from, "x")); got != want {
			t.Errorf("%v: %v, want %v", from, got, want)
		}
	}
}
