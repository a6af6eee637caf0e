package sim

import (
	"testing"
	"time"
)

// TestAClockAheadDeletesNothing: the clock of one node of three is ten years ahead, longer than
// retention.ms, while it leads its share of the partitions. Nothing is deleted that clients have
// not asked to be deleted.
func TestAClockAheadDeletesNothing(t *testing.T) {
	r := run(Options{Seed: 1, World: "plain"}, func(w *World) []Fault {
		w.kind.settings = map[string]string{"log.retention.check.interval.ms": "500"}
		w.begun()
		w.pace = 1
		w.run(instant(5 * time.Second))
		w.machines[0].skew = 10 * 365 * 24 * time.Hour
		led := 0
		for at := instant(6 * time.Second); at <= instant(30*time.Second); at = at.plus(time.Second) {
			w.run(at)
			for _, m := range w.machines {
				led += w.startsOf(t, m)
			}
		}
		if led == 0 {
			t.Error("no log was looked at that the node with the wrong clock leads")
		}
		return nil
	})
	for _, v := range r.Violations {
		t.Error(v)
	}
}

// startsOf looks where the logs on a machine begin, and returns how many of those with records the
// first machine leads.
func (w *World) startsOf(t *testing.T, m *machine) (led int) {
	t.Helper()
	for name, topic := range m.process.node.Image().Topics {
		for i, part := range topic.Partitions {
			p := partition{name, int32(i)}
			ref := m.process.node.Replica(part.Shard)
			if ref == nil {
				continue
			}
			v := ref.View()
			if v.LogStart > w.load.trimmed[p] {
				t.Fatalf("%s-%d begins at %d on %s, clients had it trimmed to %d at most", p.topic, p.number, v.LogStart, m.name(), w.load.trimmed[p])
			}
			if m == w.machines[0] && v.HighWatermark > 0 && v.InSync != nil {
				led++
			}
		}
	}
	return led
}
