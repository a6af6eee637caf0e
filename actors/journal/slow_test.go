package journal

import (
	"testing"
	"time"
)

// A transaction that takes long is reported while it does and when it has ended, with what waits
// behind it.
func TestSlowDisksAreReported(t *testing.T) {
	g := newGated()
	stalls := make(chan Stall, 10)
	j := New(g, Options{Slow: time.Millisecond, Stalled: func(s Stall) { stalls <- s }, Fatal: noFatal(t)})
	j.Write(Write{Append: found(1)})
	<-g.enter
	if during := <-stalls; during.Ended || during.Writes != 1 || during.Took < time.Millisecond {
		t.Fatalf("%+v", during)
	}
	done := make(chan struct{})
	j.Write(Write{Append: grown(found(1).State, 1, make([]byte, 100)), Done: func() { close(done) }})
	if n := j.Unwritten(); n != 100 {
		t.Fatalf("%d bytes are unwritten, want 100", n)
	}
	g.leave <- nil
	if after := <-stalls; !after.Ended || after.Behind != 100 {
		t.Fatalf("%+v", after)
	}
	g.pass()
	<-done
	if n := j.Unwritten(); n != 0 {
		t.Fatalf("%d bytes are unwritten at the end", n)
	}
	j.Close()
}
