package sim

import (
	"testing"
	"time"
)

// direct runs a world in which only what a story says goes wrong.
func direct(t *testing.T, story func(*World)) {
	t.Helper()
	r := run(Options{Seed: 1, World: "plain", Story: true}, func(w *World) []Fault {
		w.begun()
		story(w)
		return nil
	})
	for _, v := range r.Violations {
		t.Error(v)
	}
	if t.Failed() {
		for _, line := range r.Story[max(0, len(r.Story)-40):] {
			t.Log(line)
		}
	}
}

// TestASetClockEndsNoSessionAndKeepsNone: members of a group are killed while the clocks are half
// an hour ahead, and when the group waits for them to come back the clocks are set back. It waits
// for as long as it would have waited otherwise, and not for half an hour more.
func TestASetClockEndsNoSessionAndKeepsNone(t *testing.T) {
	direct(t, func(w *World) {
		set := func(skew time.Duration) {
			for _, m := range w.members() {
				m.skew = skew
			}
		}
		w.pace = 1
		w.run(instant(20 * time.Second))
		set(30 * time.Minute)
		w.run(instant(40 * time.Second))
		if w.load.assigned < instant(5*time.Second) {
			t.Fatal("the group was never assigned")
		}
		w.load.killing = true
		w.run(instant(41 * time.Second))
		w.load.killing = false
		w.run(instant(42 * time.Second))
		set(0)
		w.run(instant(70 * time.Second))
		if w.load.assigned < instant(42*time.Second) {
			t.Errorf("the group was last assigned at %s: it still waits for who is gone", time.Duration(w.load.assigned))
		}
	})
}

// TestADiskThatWentBackIsGivenUpOnce: a founder that is told to join, no longer who the founders
// are, gets a copy of its disk that holds no checkpoint of the metadata. So it knows nobody who
// could look at its disk when it starts, and hears only later that it went back in time. It must
// not come to the same end again and again.
func TestADiskThatWentBackIsGivenUpOnce(t *testing.T) {
	direct(t, func(w *World) {
		w.pace = 1
		m := w.machines[0]
		for w.checks.cluster == "" {
			w.run(w.now.plus(100 * time.Millisecond))
		}
		copied := m.disk.store.Backup()
		w.run(instant(40 * time.Second))
		w.crash(m, keepsSome, "its disk is replaced by an older copy")
		before := m.disk.store.Backup()
		m.disk.store.Roll(copied)
		w.loses(m, before, "its disk is an older copy")
		m.excused, m.joins = true, true
		lives := m.lives
		w.start(m)
		w.run(instant(70 * time.Second))
		if again := m.lives - lives; again > 3 || m.process == nil || !m.process.open {
			t.Errorf("it was started %d times", again)
		}
	})
}
