package observe

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// reportWithin is how long another node may take to report.
const reportWithin = 2 * time.Second

// What may pass is looked at so many times, at this distance, before it is told: who is in sync
// changes with every moment of load, whom leaderships are handed to as well.
const (
	healthLooks = 5
	healthAgain = 250 * time.Millisecond
)

// Health tells how the cluster is, as this node sees it and the others report. It takes a second if
// something is wrong that may pass, and does not.
func (o *Observer) Health(ctx context.Context) health.Cluster {
	c := o.picture(ctx).Assess()
	for looks := 1; looks < healthLooks && c.Passing() && o.here.Wait(healthAgain, ctx.Done()) != 0; looks++ {
		c = o.picture(ctx).Assess()
	}
	return c
}

// MayStop tells what speaks against stopping a node now: nothing if it is safe.
func (o *Observer) MayStop(ctx context.Context, id metadata.NodeID) []string {
	return o.picture(ctx).MayStop(id)
}

// picture gathers what this node knows and what the others report in time.
func (o *Observer) picture(ctx context.Context) health.Picture {
	p := health.Picture{
		Image: o.here.Image(), MetaLeader: o.here.MetaLeader(), Alive: o.here.Alive,
		Leader: func(s storage.ShardID) health.Leader {
			l := o.Leaders.Of(s)
			return health.Leader{Known: l.Known, Node: l.Node, InSync: l.InSync}
		},
		Reports: make(map[metadata.NodeID]health.Report), TopicSetting: o.TopicSetting,
	}
	ctx, cancel := o.here.Timeout(ctx, reportWithin)
	defer cancel()
	var mu sync.Mutex
	var each []func()
	for _, id := range slices.Sorted(maps.Keys(p.Image.Nodes)) {
		if !o.here.Alive(id) {
			continue
		}
		each = append(each, func() {
			if r, ok := o.reportOf(ctx, id); ok {
				mu.Lock()
				defer mu.Unlock()
				p.Reports[id] = r
			}
		})
	}
	actors.Together(o.here, each...)
	return p
}

func (o *Observer) reportOf(ctx context.Context, id metadata.NodeID) (r health.Report, ok bool) {
	if id == o.here.ID {
		short, cancel := o.here.Timeout(ctx, observeWithin)
		defer cancel()
		return o.report(short), true
	}
	r, err := reportQuestion.Ask(ctx, o.here.Links, id, question.Nothing{})
	return r, err == nil
}

// reportQuestion asks a node how it is.
var reportQuestion = question.Question[question.Nothing, health.Report]{Name: "report"}

func (o *Observer) reportAsked(metadata.NodeID, question.Nothing) (health.Report, error) {
	ctx, cancel := o.here.Timeout(o.here.Context, observeWithin)
	defer cancel()
	return o.report(ctx), nil
}
