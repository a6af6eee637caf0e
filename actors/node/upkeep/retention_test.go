package upkeep

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// patient is a runtime in which waits take no time but its own, and after each of which something
// may happen.
type patient struct {
	actors.Goroutines
	now   time.Time
	after func()
}

func (p *patient) Now() time.Time { return p.now }

func (p *patient) Wait(d time.Duration, _ ...<-chan struct{}) int {
	p.now = p.now.Add(d)
	p.after()
	return -1
}

// However often or rarely clients have the cleaner look, it does not spin, and it hears of it when
// they have it look otherwise.
func TestTheCleanersPauseIsBounded(t *testing.T) {
	for _, c := range []struct {
		name            string
		backoff, change int64 // ms; change is what it is set to meanwhile
		want            time.Duration
	}{
		{"none", 0, 0, leastBackoff},
		{"next to none", 1, 1, leastBackoff},
		{"the default", 15_000, 15_000, 15 * time.Second},
		{"never, then soon", math.MaxInt64, 12_000, 12 * time.Second},
		{"longer than a duration, then soon", math.MaxInt64 / 1000, 12_000, 12 * time.Second},
	} {
		p := &patient{now: time.Unix(1_700_000_000, 0)}
		u := New(local.New(local.Options{Runtime: p}), Options{})
		u.Settings = func(name string) string { return metadata.Local{}.Setting(u.here.Image(), name) }
		set := func(ms int64) {
			i := metadata.NewMachine().Image()
			i.NodeConfigs = map[metadata.NodeID]map[string]string{metadata.DefaultNode: {"log.cleaner.backoff.ms": strconv.FormatInt(ms, 10)}}
			u.here.SetImage(i)
		}
		set(c.backoff)
		p.after = func() { set(c.change) }
		if looks := u.awaitClean(); !looks || p.now.Sub(u.here.Began) != c.want {
			t.Errorf("%s: looks after %v, want %v", c.name, p.now.Sub(u.here.Began), c.want)
		}
	}
}
