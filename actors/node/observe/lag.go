package observe

import (
	"context"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors/coordinator"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// GroupReading is how a consumer group that this node coordinates is.
type GroupReading struct {
	Group   string
	State   string // Kafka's
	Members int
	Lags    []LagReading // of the partitions that it has committed offsets for
}

// LagReading is how far a group is behind the end of one partition.
type LagReading struct {
	Topic     string
	Partition int32
	// from the committed offset, or the log's start if that is later, to the high watermark
	Records int64
	Behind  time.Duration // age of the first of those records by its timestamp, 0 if there is none
}

// place is an offset in a shard's log, and end what its leader says of it. JSON on the wire.
type (
	place struct {
		Shard  storage.ShardID
		Offset int64
	}
	end struct {
		Known bool // the asked node leads the shard
		Start int64
		End   int64
		Time  int64 // of the record at the place, in ms since the epoch; -1 if there is none
	}
)

// lagTimes remembers the timestamps of records that groups stand at, so that a group that stands
// still costs nothing.
type lagTimes struct {
	mu    sync.Mutex
	known map[place]int64
}

// lag is how many records lie between a committed offset and the end. What was trimmed is not there
// to be read.
func (e end) lag(committed int64) int64 { return max(e.End-max(committed, e.Start), 0) }

const lagTimesKept = 10_000

func (l *lagTimes) get(p place) (int64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.known[p]
	return t, ok
}

func (l *lagTimes) put(p place, t int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= lagTimesKept {
		l.known = make(map[place]int64)
	}
	l.known[p] = t
}

// endOf tells how far behind the end of its log a place is, if this node leads the shard.
func (o *Observer) endOf(p place) end {
	ref := o.Replicas.Get(p.Shard)
	if ref == nil {
		return end{}
	}
	v := ref.View()
	if v.Role != replica.Leader {
		return end{}
	}
	e := end{Known: true, Start: v.LogStart, End: v.HighWatermark, Time: -1}
	if p.Offset >= v.HighWatermark {
		return e
	}
	p.Offset = max(p.Offset, v.LogStart)
	if t, ok := o.lagTimes.get(p); ok {
		e.Time = t
	} else if t, ok, err := v.TimeAt(p.Offset); err == nil && ok {
		e.Time = t
		o.lagTimes.put(p, t)
	}
	return e
}

// endsQuestion asks how far behind the ends of their logs places are, in shards that the asked node
// leads.
var endsQuestion = question.Question[[]place, []end]{Name: "ends"}

func (o *Observer) ends(_ metadata.NodeID, places []place) ([]end, error) {
	all := make([]end, len(places))
	for i, p := range places {
		all[i] = o.endOf(p)
	}
	return all, nil
}

// survey asks the coordinators on this node for their groups.
func (o *Observer) survey(ctx context.Context) []group.Surveyed {
	topics := coordinator.Topics(o.here.Image())
	answers := local.Gather[group.Surveyed]()
	answers.Expect(o.Groups.Each(
		func(_ int64, c *group.Coordinator) { answers.Add(c.Survey(topics)...) },
		func(*protocol.Error) { answers.Add() }))
	return answers.Wait(ctx, o.here)
}

// readGroups tells how the groups coordinated here are. Partitions whose leader does not answer in
// time are left out.
func (o *Observer) readGroups(ctx context.Context) []GroupReading {
	surveyed := o.survey(ctx)
	ends := o.gatherEnds(ctx, surveyed)
	image, now := o.here.Image(), o.here.Now().UnixMilli()
	groups := make([]GroupReading, 0, len(surveyed))
	for _, s := range surveyed {
		g := GroupReading{Group: s.Group, State: s.State, Members: s.Members}
		for _, at := range s.Offsets {
			p := image.Partition(at.Topic, at.Partition)
			if p == nil {
				continue
			}
			e, ok := ends[place{p.Shard, at.Offset}]
			if !ok || !e.Known {
				continue
			}
			lag := LagReading{Topic: at.Topic, Partition: at.Partition, Records: e.lag(at.Offset)}
			if e.Time >= 0 {
				lag.Behind = time.Duration(max(now-e.Time, 0)) * time.Millisecond
			}
			g.Lags = append(g.Lags, lag)
		}
		groups = append(groups, g)
	}
	return groups
}

// gatherEnds asks the leaders of all partitions that groups have offsets for, each node once.
func (o *Observer) gatherEnds(ctx context.Context, groups []group.Surveyed) map[place]end {
	image := o.here.Image()
	asks := make(map[metadata.NodeID][]place)
	seen := make(map[place]bool)
	for _, g := range groups {
		for _, committed := range g.Offsets {
			p := image.Partition(committed.Topic, committed.Partition)
			if p == nil {
				continue
			}
			at := place{p.Shard, committed.Offset}
			if l := o.Leaders.Of(p.Shard); l.Known && !seen[at] {
				seen[at] = true
				asks[l.Node] = append(asks[l.Node], at)
			}
		}
	}
	answers := local.GatherFrom[placed](len(asks))
	for node, places := range asks {
		o.here.Do(func() {
			var found []placed
			for i, e := range o.endsAt(ctx, node, places) {
				found = append(found, placed{places[i], e})
			}
			answers.Add(found...)
		})
	}
	found := make(map[place]end, len(seen))
	for _, p := range answers.Wait(ctx, o.here) {
		found[p.place] = p.end
	}
	return found
}

// placed is what was said of one place.
type placed struct {
	place place
	end   end
}

// endsAt asks one node.
func (o *Observer) endsAt(ctx context.Context, node metadata.NodeID, places []place) []end {
	if node == o.here.ID {
		all, _ := o.ends(node, places)
		return all
	}
	all, err := endsQuestion.Ask(ctx, o.here.Links, node, places)
	if err != nil || len(all) != len(places) {
		return nil
	}
	return all
}
