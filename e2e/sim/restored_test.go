package sim

import (
	"testing"
	"time"

	"github.com/troupe-mq/troupe/storage/memory"
)

// TestDisksSavedOneAfterTheOther saves the disks of a cluster one after the other, while it works,
// and restores all of them. Each but the last is told that it went back in time, and nobody can do
// without any of them: nothing that they hold may be condemned. Once an operator has said that they
// are to be used as they are, the cluster is there again.
func TestDisksSavedOneAfterTheOther(t *testing.T) {
	run(Options{Seed: 1, World: "plain", Story: true}, func(w *World) []Fault {
		w.begun()
		w.pace = 1
		for w.checks.cluster == "" {
			w.run(w.now.plus(100 * time.Millisecond))
		}
		w.run(w.now.plus(10 * time.Second))
		saved := map[*machine]memory.Backup{}
		for _, m := range w.members() {
			saved[m] = m.disk.store.Backup()
			w.run(w.now.plus(5 * time.Second))
		}
		stop := func(why string) {
			for _, m := range w.members() {
				w.crash(m, keepsSome, why)
				m.excused = true
			}
		}
		start := func(howLong time.Duration) {
			for _, m := range w.members() {
				w.start(m)
			}
			w.run(w.now.plus(howLong))
		}
		condemned := func() (n int) {
			for _, m := range w.members() {
				n += len(m.disk.store.Suspect())
			}
			return n
		}
		stop("all disks are replaced by older copies")
		for m, copied := range saved {
			before := m.disk.store.Backup()
			m.disk.store.Roll(copied)
			w.loses(m, before, "its disk is an older copy")
		}
		start(30 * time.Second)
		if n := condemned(); n > 0 {
			t.Errorf("%d replicas were condemned, and nobody has others", n)
		}
		stop("an operator says that they are to be used")
		for _, m := range w.members() {
			m.disk.store.Reopen()
			n, err := m.disk.store.Node()
			if err == nil {
				err = m.disk.store.WriteNode(n.Restored())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		clear(w.checks.forgotten) // it is what the operator wants
		start(0)
		ready := 0
		for range 100 {
			w.run(w.now.plus(50 * time.Millisecond))
			ready = 0
			for _, m := range w.members() {
				if m.process != nil && m.process.open && m.process.node.MetaLeader() >= 0 {
					ready++
				}
			}
			if ready == len(w.members()) {
				break
			}
		}
		if n := condemned(); n > 0 || ready < len(w.members()) {
			t.Errorf("of %d nodes %d are back, %d replicas are condemned", len(w.members()), ready, n)
		}
		return nil
	})
}
