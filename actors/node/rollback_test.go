package node

import (
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

func TestADiskThatWentBackIsRecognised(t *testing.T) {
	known := storage.Run{Incarnation: 7, Number: 5, ID: 500, Reached: 1000}
	for _, c := range []struct {
		name string
		told runReport
		back bool
	}{
		{"the same run, further on", runReport{storage.Run{Incarnation: 7, Number: 5, ID: 500, Reached: 1100}, 900}, false},
		{"the same run, an old word of it", runReport{storage.Run{Incarnation: 7, Number: 5, ID: 500, Reached: 950}, 900}, false},
		{"the next run", runReport{storage.Run{Incarnation: 7, Number: 6, ID: 600, Reached: 1001}, 1000}, false},
		{"a later run", runReport{storage.Run{Incarnation: 7, Number: 9, ID: 900, Reached: 2001}, 2000}, false},
		{"another disk", runReport{storage.Run{Incarnation: 8, Number: 1, ID: 1, Reached: 1}, 0}, false},
		{"a copy from before the run", runReport{storage.Run{Incarnation: 7, Number: 5, ID: 501, Reached: 901}, 900}, true},
		{"a copy from long ago", runReport{storage.Run{Incarnation: 7, Number: 3, ID: 301, Reached: 301}, 300}, true},
		{"a copy made amid the run", runReport{storage.Run{Incarnation: 7, Number: 6, ID: 600, Reached: 1050}, 950}, true},
		{"a copy made amid the run, used for long", runReport{storage.Run{Incarnation: 7, Number: 6, ID: 600, Reached: 9000}, 950}, true},
	} {
		if err := rolledBack(known, c.told); (err != nil) != c.back {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := rolledBack(storage.Run{}, runReport{storage.Run{Incarnation: 7, Number: 1, ID: 1}, 0}); err != nil {
		t.Errorf("a node that was never heard of: %v", err)
	}
}

func TestLivesRememberTheFurthest(t *testing.T) {
	l := peerRuns{runs: map[int32]storage.Run{}}
	run := func(number, id, reached, opened uint64) runReport {
		return runReport{storage.Run{Incarnation: 7, Number: number, ID: id, Reached: reached}, opened}
	}
	if news, err := l.take(3, run(1, 100, 10, 0)); !news || err != nil {
		t.Fatalf("the first run: %v, %v", news, err)
	}
	l.note(3, run(1, 100, 90, 0))
	l.note(3, run(1, 100, 50, 0))   // an old word
	l.note(3, run(2, 200, 500, 90)) // not known yet: it has to be looked at
	if got := l.all()[3]; got.Reached != 90 || got.ID != 100 {
		t.Fatalf("remembered: %+v", got)
	}
	if _, err := l.take(3, run(2, 201, 60, 60)); err == nil {
		t.Fatal("a disk that had reached 90 and holds 60 was taken")
	}
	if news, err := l.take(3, run(2, 200, 91, 90)); !news || err != nil {
		t.Fatalf("the next run: %v, %v", news, err)
	}
	if news, err := l.take(3, run(1, 100, 90, 0)); news || err == nil {
		t.Fatalf("an old run: %v, %v", news, err)
	}
}
