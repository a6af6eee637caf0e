//go:build linux

package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// Bounds of liveness. They are for machines with two busy cores: what is checked within them is
// that it happens at all.
const (
	recoverWithin = 90 * time.Second
	checkWithin   = 2 * time.Minute
)

// traffic is an episode's load.
type traffic struct {
	idempotent, plain *load.Producers
	group             *load.Group
	stop              []func() // watchers and probers
	topics            []string // idempotent, plain and probed
}

// Episode breaks the cluster round after round under load, and checks what came of it. It ends
// early, and returns false, when the context does.
func (r *Run) Episode(ctx context.Context, rounds []Round) bool {
	r.t.Helper()
	r.episodes++
	r.rec = history.NewRecorder()
	l := r.load(fmt.Sprint(r.episodes))
	r.recovers(l) // there is a load before anything breaks
	for i, round := range rounds {
		if ctx.Err() != nil {
			break
		}
		r.t.Logf("episode %d, round %d of %d: %s", r.episodes, i+1, len(rounds), round)
		r.round(round)
		healed := time.Now()
		r.recovers(l)
		r.t.Logf("  all went on %s after the last fault was over", time.Since(healed).Round(10*time.Millisecond))
	}
	r.settle(l)
	return ctx.Err() == nil
}

func (r *Run) load(name string) *traffic {
	r.t.Helper()
	l := &traffic{topics: []string{"idempotent." + name, "plain." + name, "probed." + name}}
	for i, topic := range l.topics {
		r.Cluster.CreateTopic(topic, []int32{loaded, loaded, probed}[i], replicas)
	}
	c, rec := r.Cluster, r.rec
	l.idempotent = load.Start(r.t, c, rec, load.Config{Topic: l.topics[0], Partitions: loaded, Producers: 2, Interval: 10 * time.Millisecond})
	l.plain = load.Start(r.t, c, rec, load.Config{Topic: l.topics[1], Partitions: loaded, Interval: 20 * time.Millisecond, Plain: true})
	l.group = load.StartGroup(r.t, c, rec, load.GroupConfig{Group: "group." + name, Topic: l.topics[0], Members: 2})
	l.stop = append(l.stop, load.Watch(r.t, c, rec, l.topics[0]), load.Watch(r.t, c, rec, l.topics[1]), load.Probe(r.t, c, rec, l.topics[2], probed))
	return l
}

// recovers waits until everything goes on: nodes let clients in, producers of both kinds are
// answered, the group reads and commits.
func (r *Run) recovers(l *traffic) {
	r.t.Helper()
	r.Cluster.WaitReady()
	l.idempotent.Wait(50, recoverWithin)
	l.plain.Wait(20, recoverWithin)
	l.group.Wait(50, recoverWithin)
	l.group.WaitCommits(2, recoverWithin)
}

// settle ends the load and checks the episode.
func (r *Run) settle(l *traffic) {
	r.t.Helper()
	for _, topic := range l.topics {
		r.Cluster.WaitInSync(topic)
	}
	l.idempotent.StopClean(recoverWithin)
	if errs := l.plain.Stop(recoverWithin); len(errs) > 0 {
		r.t.Logf("  %d records of the plain producer failed, the first: %v", len(errs), errs[0])
	}
	l.group.WaitAll(r.rec, checkWithin)
	l.group.Stop()
	for _, stop := range l.stop {
		stop()
	}
	final := load.Check(r.t, r.Cluster, r.rec, l.topics...)
	h := r.rec.History()
	for i := range int32(probed) {
		if err := history.Linearizable(h, final, history.Partition{Topic: l.topics[2], Index: i}, checkWithin); err != nil {
			r.t.Error(err)
		}
	}
	r.Cluster.Verify()
	if r.t.Failed() {
		r.t.FailNow()
	}
	ctx, cancel := context.WithTimeout(context.Background(), recoverWithin)
	defer cancel()
	_, err := r.Cluster.Admin().DeleteTopics(ctx, l.topics...)
	r.must("delete the episode's topics", err)
}
