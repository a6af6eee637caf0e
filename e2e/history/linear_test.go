package history

import (
	"fmt"
	"testing"
	"time"
)

// send is a record that was sent from one millisecond to another; acknowledged at an offset, or
// unknown if the offset is negative.
func send(value string, from, to int, offset int64) Send {
	s := Send{Partition: p0, Value: value, Invoked: at(from)}
	if offset >= 0 {
		s.Outcome, s.Offset, s.Returned = Acked, offset, at(to)
	}
	return s
}

// lies is a final log of the given values, with the epoch that each was appended in.
func lies(epochs []int32, values ...string) (final []Seen) {
	for i, v := range values {
		final = append(final, Seen{p0, int64(i), v, epochs[i]})
	}
	return final
}

func TestLinearizable(t *testing.T) {
	type answers = []Answer
	for _, test := range []struct {
		name  string
		sends []Send
		reads answers
		final []Seen
		want  bool
	}{
		{"in order", []Send{send("a", 0, 1, 0), send("b", 2, 3, 1)}, answers{{2, 1, at(4), at(5)}}, lies([]int32{1, 1}, "a", "b"), true},
		{"nothing at all", nil, nil, nil, true},
		{"two at once, either way", []Send{send("a", 0, 9, 1), send("b", 0, 9, 0)}, answers{{1, 1, at(3), at(4)}}, lies([]int32{1, 1}, "b", "a"), true},
		{"a read at the time of a send tells either", []Send{send("a", 0, 9, 0)}, answers{{1, 1, at(1), at(2)}}, lies([]int32{1}, "a"), true},
		{"unknown, and it happened late", []Send{send("a", 0, 0, -1), send("b", 2, 3, 0), send("c", 4, 5, 2)}, answers{{3, 1, at(6), at(7)}},
			lies([]int32{1, 1, 1}, "b", "a", "c"), true},
		{"unknown, and it never happened", []Send{send("a", 0, 0, -1), send("b", 2, 3, 0)}, answers{{1, 1, at(4), at(5)}}, lies([]int32{1}, "b"), true},
		{"a deposed leader tells less", []Send{send("a", 0, 1, 0), send("b", 2, 3, 1)}, answers{{1, 1, at(4), at(5)}}, lies([]int32{1, 2}, "a", "b"), true},
		{"a deposed leader tells less than its successor told", []Send{send("a", 0, 1, 0), send("b", 2, 0, -1)},
			answers{{2, 2, at(4), at(5)}, {1, 1, at(6), at(7)}}, lies([]int32{1, 1}, "a", "b"), true},

		// Planted: each breaks a promise.
		{"the leader does not tell what it acknowledged", []Send{send("a", 0, 1, 0)}, answers{{0, 1, at(2), at(3)}}, lies([]int32{1}, "a"), false},
		{"a new leader does not tell what the old one acknowledged", []Send{send("a", 0, 1, 0)}, answers{{0, 2, at(2), at(3)}}, lies([]int32{1}, "a"), false},
		{"an acknowledged record is gone", []Send{send("a", 0, 1, 0), send("b", 2, 3, 0)}, nil, lies([]int32{1}, "b"), false},
		{"an offset twice", []Send{send("a", 0, 1, 0), send("b", 2, 3, 0)}, nil, lies([]int32{1}, "a"), false},
		{"an offset that is never filled", []Send{send("a", 0, 1, 0), send("b", 2, 3, 2)}, nil, lies([]int32{1}, "a"), false},
		{"later sent, earlier in the log", []Send{send("a", 0, 1, 1), send("b", 2, 3, 0)}, nil, lies([]int32{1, 1}, "b", "a"), false},
		{"told before it was sent", []Send{send("a", 0, 1, 0), send("b", 4, 5, 1)}, answers{{2, 1, at(2), at(3)}}, lies([]int32{1, 1}, "a", "b"), false},
		{"the end goes back", []Send{send("a", 0, 0, -1)}, answers{{1, 1, at(1), at(2)}, {0, 1, at(3), at(4)}}, lies([]int32{1}, "a"), false},
		{"a deposed leader tells more than there is", []Send{send("a", 0, 1, 0), send("b", 2, 3, 1)}, answers{{3, 1, at(4), at(5)}}, lies([]int32{1, 2}, "a", "b"), false},
		{"a deposed leader appends", []Send{send("a", 0, 1, 0), send("b", 2, 3, 1)}, nil, lies([]int32{2, 1}, "a", "b"), false},
		{"a deposed leader appends after its successor was seen", []Send{send("a", 4, 5, 0)}, answers{{0, 2, at(0), at(1)}}, lies([]int32{1}, "a"), false},
	} {
		h := History{Sends: test.sends, Watermarks: map[Partition][]Answer{p0: test.reads}}
		if err := Linearizable(h, test.final, p0, time.Minute); (err == nil) != test.want {
			t.Errorf("%s: %v, want linearizable %t", test.name, err, test.want)
		}
	}
}

// As long as chaos runs make them: with many at once and with sends that nobody answered, porcupine
// is done in no time, and finds a single stale answer.
func TestLinearizableIsQuick(t *testing.T) {
	var h History
	var final []Seen
	const n = 4_000
	for i := range n {
		value := fmt.Sprint(i)
		s := send(value, 2*i, 2*i+20, int64(i))
		if i%10 == 9 {
			s = send(value, 2*i, 0, -1)
		}
		h.Sends = append(h.Sends, s)
		final = append(final, Seen{p0, int64(i), value, int32(i / 100)})
	}
	var reads []Answer
	for i := 50; i < n; i += 2 {
		reads = append(reads, Answer{int64(i), int32((i - 1) / 100), at(2*i - 3), at(2*i + 18)})
	}
	h.Watermarks = map[Partition][]Answer{p0: reads}
	if err := Linearizable(h, final, p0, time.Minute); err != nil {
		t.Fatal(err)
	}
	stale := len(reads) / 2
	reads[stale].Offset -= 30
	if err := Linearizable(h, final, p0, time.Minute); err == nil {
		t.Fatal("an answer that tells 30 records too few was not noticed")
	} else {
		t.Log(err)
	}
}
