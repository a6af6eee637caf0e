package server

import "testing"

// TestOneRequestAtATimeGoesBeyondTheLimit steps through a budget of 10 with three requests of which
// each has begun.
func TestOneRequestAtATimeGoesBeyondTheLimit(t *testing.T) {
	b := &budget{limit: 10}
	one, two, three := &claim{budget: b}, &claim{budget: b}, &claim{budget: b}
	takes := func(what string, c *claim, n int64, want bool) {
		t.Helper()
		if got := c.try(n) == nil; got != want {
			t.Fatalf("%s: taken %v, %d are in use", what, got, b.inUse())
		}
	}
	takes("the first has room", one, 4, true)
	takes("the second has room", two, 4, true)
	takes("a new one has none", three, 4, false)
	takes("one that has begun may exceed", one, 5, true)
	takes("and go on so", one, 5, true)
	takes("a second one may not", two, 1, false)
	one.giveBack()
	takes("until all are within the limit", two, 8, true)
	takes("again one at a time", three, 1, false)
	two.giveBack()
	takes("larger than the whole, alone", three, 100, true)
	three.giveBack()
	if b.inUse() != 0 {
		t.Fatalf("%d bytes are left in use", b.inUse())
	}
}
