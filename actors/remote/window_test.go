package remote

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/storage"
)

// However connections end and frames are lost with them, a window never lets more than its limit
// under way, and once nothing is under way any more it takes a message of any size.
func TestAWindowNeitherLeaksNorSticks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		var box inbox
		w.open(minWindow)
		type sent struct {
			session uint64
			n       int
		}
		var waiting []int // taken, not packed
		var under []sent
		inSession := 0
		receive := func() {
			f := under[0]
			under = under[1:]
			if f.session == w.now() {
				inSession -= f.n
			}
			if box.open(f.session) && box.add(f.n) {
				w.credit(f.session, box.received)
			}
		}
		pack := func() {
			for _, n := range waiting {
				under = append(under, sent{w.now(), n})
				inSession += n
			}
			waiting = nil
		}
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				n := rapid.IntRange(1, 2*minWindow).Draw(t, "bytes")
				if w.take(n) {
					waiting = append(waiting, n)
				}
			},
			"pack": func(*rapid.T) { pack() },
			"receive": func(t *rapid.T) {
				if len(under) > 0 {
					receive()
				}
			},
			"the connection ends": func(*rapid.T) {
				w.reset()
				inSession = 0
				if len(under) > 0 && rapid.Bool().Draw(t, "lost") {
					under = nil
				}
			},
			"the process ends": func(*rapid.T) {
				w = window{}
				w.open(minWindow)
				under, waiting, inSession = nil, nil, 0
			},
		})
		pack()
		for len(under) > 0 {
			receive()
		}
		if !w.take(10 * minWindow) {
			t.Fatalf("nothing is under way, but the window counts %d sent and %d acknowledged", w.sent, w.acked)
		}
		if w.take(minWindow) {
			t.Fatal("more than its limit")
		}
	})
}

// The largest entry goes through a window smaller than itself though others never leave the window
// empty.
func TestALargeMessageIsNotStarved(t *testing.T) {
	var w window
	w.open(16 << 20)
	const small = 1 << 20
	var under []int
	passed := false
	for turn := range 1000 {
		for w.take(small) {
			under = append(under, small)
		}
		for range 1 + turn%12 { // credit comes in pieces, and never for all of it
			if len(under) > 1 {
				w.credit(w.now(), w.acked+int64(under[0]))
				under = under[1:]
			}
		}
		if w.take(storage.MaxEntryBytes) {
			passed = true
			break
		}
	}
	if !passed {
		t.Fatal("an entry of the largest size never goes through")
	}
	if w.take(small) {
		t.Fatal("more than the window is under way, and more is let through")
	}
	if most := w.underWay(); most > maxMessage {
		t.Fatalf("%d bytes are under way, more than a message may have", most)
	}
	var idle window
	if idle.open(64 << 20); idle.take(maxMessage) {
		t.Fatal("gRPC would end the connection over a message of this size")
	}
}
