package history

import (
	"slices"
	"testing"
	"time"
)

var p0, p1 = Partition{"t", 0}, Partition{"t", 1}

// acked is an idempotent producer's acknowledged record.
func acked(producer, value string, offset int64) Send {
	return Send{Producer: producer, Idempotent: true, Partition: p0, Value: value, Outcome: Acked, Offset: offset}
}

// at is a moment, in milliseconds.
func at(ms int) time.Time { return time.UnixMilli(int64(ms)) }

// at2 is the send to node 2 and no other.
func at2(s Send) Send { s.Node = 2; return s }

func kinds(vs []Violation) (k []string) {
	for _, v := range vs {
		k = append(k, v.Kind)
	}
	return k
}

func TestPlantedViolations(t *testing.T) {
	unknown := Send{Producer: "a", Idempotent: true, Partition: p0, Value: "u"}
	refused := Send{Producer: "a", Idempotent: true, Partition: p0, Value: "r", Outcome: Refused}
	plain := Send{Producer: "b", Partition: p0, Value: "x", Outcome: Acked, Offset: 0}
	good := []Send{acked("a", "1", 0), acked("a", "2", 1)}
	log := []Seen{{p0, 0, "1", 0}, {p0, 1, "2", 0}}
	group := Committed{"g", p0}
	for _, test := range []struct {
		name  string
		h     History
		final []Seen
		want  []string
	}{
		{"all is well", History{Sends: good, Seen: log}, log, nil},
		{"a gap in offsets is none", History{Sends: []Send{acked("a", "1", 0), acked("a", "2", 7)}}, []Seen{{p0, 0, "1", 0}, {p0, 7, "2", 0}}, nil},
		{"final log in any order", History{Sends: good}, []Seen{log[1], log[0]}, nil},
		{"unknown and there", History{Sends: append(good, unknown)}, append(log, Seen{p0, 2, "u", 0}), nil},
		{"unknown and not there", History{Sends: append(good, unknown)}, log, nil},
		{"acknowledged, gone", History{Sends: good}, log[:1], []string{"Lost"}},
		{"acknowledged, elsewhere", History{Sends: good}, []Seen{{p0, 0, "1", 0}, {p0, 2, "2", 0}}, []string{"Lost"}},
		{"acknowledged, other value", History{Sends: append(good[:1:1], unknown, acked("a", "2", 1))},
			[]Seen{{p0, 0, "1", 0}, {p0, 1, "u", 0}}, []string{"Lost"}},
		{"seen, gone", History{Sends: good, Seen: append(log, Seen{p0, 2, "z", 0})}, log, []string{"Lost"}},
		{"seen, other value", History{Sends: good, Seen: []Seen{{p0, 1, "z", 0}}}, log, []string{"Reused"}},
		{"offset acknowledged twice", History{Sends: append(good, acked("c", "3", 1))}, log, []string{"Reused", "Lost"}},
		{"offset read twice", History{Sends: good}, append(log, Seen{p0, 1, "2", 0}), []string{"Reused", "Duplicated"}},
		{"twice in the log", History{Sends: good}, append(log, Seen{p0, 2, "1", 0}), []string{"Duplicated", "Reordered"}},
		{"twice, but plain", History{Sends: []Send{plain}}, []Seen{{p0, 0, "x", 0}, {p0, 1, "x", 0}}, nil},
		{"wrong order", History{Sends: []Send{acked("a", "1", 1), acked("a", "2", 0)}},
			[]Seen{{p0, 0, "2", 0}, {p0, 1, "1", 0}}, []string{"Reordered"}},
		{"two producers have no order", History{Sends: []Send{acked("a", "1", 1), acked("b", "2", 0)}},
			[]Seen{{p0, 0, "2", 0}, {p0, 1, "1", 0}}, nil},
		{"refused, but there", History{Sends: append(good, refused)}, append(log, Seen{p0, 2, "r", 0}), []string{"Invented"}},
		{"nobody sent it", History{Sends: good}, append(log, Seen{p0, 2, "?", 0}), []string{"Invented"}},
		{"sent elsewhere", History{Sends: append(good, Send{Partition: p1, Value: "o"})}, append(log, Seen{p0, 2, "o", 0}), []string{"Invented"}},
		{"watermark back", History{Watermarks: map[Partition][]Answer{p0: {{5, 0, at(0), at(1)}, {4, 0, at(2), at(3)}}}}, nil, []string{"HighWatermark"}},
		{"watermark of an epoch back", History{Watermarks: map[Partition][]Answer{p0: {{5, 3, at(0), at(1)}, {4, 3, at(2), at(3)}}}}, nil, []string{"HighWatermark"}},
		{"watermark of a later epoch back", History{Watermarks: map[Partition][]Answer{p0: {{5, 3, at(0), at(1)}, {4, 4, at(2), at(3)}}}}, nil, []string{"HighWatermark"}},
		{"a deposed leader knows less", History{Watermarks: map[Partition][]Answer{p0: {{5, 3, at(0), at(1)}, {4, 2, at(2), at(3)}}}}, nil, nil},
		{"acknowledged by a minority", History{Sends: []Send{send("1", 10, 20, 0)}, Cuts: []Cut{{0, at(0), at(100)}}}, log[:1], []string{"Minority"}},
		{"acknowledged by this very node", History{Sends: []Send{at2(send("1", 10, 20, 0))}, Cuts: []Cut{{2, at(0), at(100)}}}, log[:1], []string{"Minority"}},
		{"acknowledged by another node", History{Sends: []Send{at2(send("1", 10, 20, 0))}, Cuts: []Cut{{1, at(0), at(100)}}}, log[:1], nil},
		{"sent before the majority was lost", History{Sends: []Send{send("1", 10, 20, 0)}, Cuts: []Cut{{0, at(15), at(100)}}}, log[:1], nil},
		{"acknowledged after the majority was back", History{Sends: []Send{send("1", 10, 20, 0)}, Cuts: []Cut{{0, at(5), at(15)}}}, log[:1], nil},
		{"watermarks at once", History{Watermarks: map[Partition][]Answer{p0: {{5, 0, at(0), at(9)}, {4, 0, at(2), at(3)}}}}, nil, nil},
		{"commit gone", History{
			Commits: map[Committed][]Answer{group: {{5, 0, at(0), at(1)}}},
			Reads:   map[Committed][]Answer{group: {{-1, 0, at(2), at(3)}}}}, nil, []string{"Committed"}},
		{"commit back", History{Reads: map[Committed][]Answer{group: {{5, 0, at(0), at(1)}, {4, 0, at(2), at(3)}}}}, nil, []string{"Committed"}},
		{"commit under way", History{
			Commits: map[Committed][]Answer{group: {{5, 0, at(0), at(4)}}},
			Reads:   map[Committed][]Answer{group: {{-1, 0, at(2), at(3)}, {5, 0, at(5), at(6)}}}}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := Check(test.h, test.final)
			if got := kinds(found); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v\n%v", got, test.want, found)
			}
		})
	}
}

func TestRecorderKeepsWhatItWasTold(t *testing.T) {
	r := NewRecorder()
	first := r.Invoke("a", true, p0, "1")
	second := r.Invoke("a", true, p0, "2")
	r.Return(second, Refused, 0)
	before := r.History()
	r.Return(first, Acked, 3)
	r.See(p0, 3, "1")
	h := r.History()
	if before.Acked() != 0 || h.Acked() != 1 {
		t.Errorf("%d then %d acked, want 0 then 1", before.Acked(), h.Acked())
	}
	if s := h.Sends[first]; s.Offset != 3 || s.Outcome != Acked || s.Returned.Before(s.Invoked) {
		t.Errorf("%+v", s)
	}
	if got := kinds(Check(h, []Seen{{p0, 3, "1", 0}, {p0, 4, "2", 0}})); !slices.Equal(got, []string{"Invented"}) {
		t.Errorf("got %v, want the refused record found", got)
	}
}

func TestGap(t *testing.T) {
	sends := []Send{
		{Outcome: Acked, Invoked: at(0), Returned: at(10)},
		{Outcome: Acked, Invoked: at(500), Returned: at(510)}, // nothing was outstanding before: no gap
		{Outcome: Acked, Invoked: at(520), Returned: at(900)},
		{Outcome: Acked, Invoked: at(530), Returned: at(910)},
	}
	if got, from := (History{Sends: sends}).Gap(); got != 380*time.Millisecond || !from.Equal(at(520)) {
		t.Errorf("gap of %s from %s, want 380ms from 520", got, from)
	}
}
