package load

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
)

// GroupConfig says how to consume in a group.
type GroupConfig struct {
	Group, Topic string
	Members      int
	Options      []kgo.Opt // more options of the clients
}

// Group is a consumer group whose members commit what they have read, until Stop. A reader of its
// committed offsets, which is no member, watches that they never go back.
type Group struct {
	t       testing.TB
	c       *cluster.Cluster
	rec     *history.Recorder
	cfg     GroupConfig
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup
	Clients []*kgo.Client
	mu      struct {
		sync.Mutex
		seen    map[string]bool
		n       int
		commits int
		last    error
		errs    []error // that a poll brought: what the client's retries did not absorb
	}
}

// StartGroup starts the members.
func StartGroup(t testing.TB, c *cluster.Cluster, rec *history.Recorder, cfg GroupConfig) *Group {
	t.Helper()
	g := &Group{t: t, c: c, rec: rec, cfg: cfg}
	g.mu.seen = map[string]bool{}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	t.Cleanup(g.cancel)
	for range cfg.Members {
		g.Join()
	}
	asker := kadm.NewClient(c.Client())
	g.done.Go(func() { g.ask(asker); asker.Close() })
	return g
}

// Join adds a member.
func (g *Group) Join(options ...kgo.Opt) *kgo.Client {
	g.t.Helper()
	o := []kgo.Opt{
		kgo.ConsumeTopics(g.cfg.Topic),
		kgo.ConsumerGroup(g.cfg.Group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // a commit is of partitions that this member still has
		kgo.SessionTimeout(6 * time.Second),
		kgo.HeartbeatInterval(time.Second),
	}
	cl := g.c.Client(append(append(o, g.cfg.Options...), options...)...)
	g.Clients = append(g.Clients, cl)
	g.done.Go(func() { g.member(cl) })
	return cl
}

func (g *Group) member(cl *kgo.Client) {
	for g.ctx.Err() == nil {
		fetches := cl.PollRecords(g.ctx, 500)
		if fetches.IsClientClosed() {
			return
		}
		g.failed(fetches)
		records := fetches.Records()
		g.saw(records)
		if len(records) > 0 {
			g.commit(cl, records)
		}
		cl.AllowRebalance()
	}
}

func (g *Group) failed(fetches kgo.Fetches) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range fetches.Errors() {
		if g.ctx.Err() == nil {
			g.mu.errs = append(g.mu.errs, fmt.Errorf("%s/%d: %w", e.Topic, e.Partition, e.Err))
		}
	}
}

// Errs are the errors that members were told of, other than of commits that came too late for a
// rebalance.
func (g *Group) Errs() []error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.errs
}

func (g *Group) saw(records []*kgo.Record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range records {
		s := see(r)
		g.rec.See(s.Partition, s.Offset, s.Value)
		g.mu.seen[s.Value] = true
		g.mu.n++
	}
}

// commit records only what was acknowledged. A commit that fails (the group rebalances, a
// coordinator dies) is done again by whoever has the partition next.
func (g *Group) commit(cl *kgo.Client, records []*kgo.Record) {
	ctx, cancel := context.WithTimeout(g.ctx, 5*time.Second)
	defer cancel()
	ends := map[int32]int64{}
	for _, r := range records {
		ends[r.Partition] = r.Offset + 1
	}
	invoked := time.Now()
	err := cl.CommitRecords(ctx, records...)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.last = err; err != nil {
		return
	}
	g.mu.commits++
	for p, end := range ends {
		g.rec.Commit(g.key(p), end, invoked)
	}
}

func (g *Group) key(partition int32) history.Committed {
	return history.Committed{Group: g.cfg.Group, Partition: history.Partition{Topic: g.cfg.Topic, Index: partition}}
}

func (g *Group) ask(admin *kadm.Client) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-tick.C:
		}
		invoked := time.Now()
		ctx, cancel := context.WithTimeout(g.ctx, 3*time.Second)
		offsets, err := admin.FetchOffsets(ctx, g.cfg.Group)
		cancel()
		if err != nil {
			continue
		}
		offsets.Each(func(o kadm.OffsetResponse) {
			if o.Err == nil && o.Topic == g.cfg.Topic {
				g.rec.ReadCommitted(g.key(o.Partition), o.At, invoked)
			}
		})
	}
}

// Wait waits until the members read n records more than now.
func (g *Group) Wait(n int, limit time.Duration) {
	g.t.Helper()
	g.wait(limit, "records read", func() int { return g.mu.n }, n)
}

// WaitCommits waits until n more commits were acknowledged.
func (g *Group) WaitCommits(n int, limit time.Duration) {
	g.t.Helper()
	g.wait(limit, "commits acknowledged", func() int { return g.mu.commits }, n)
}

func (g *Group) wait(limit time.Duration, what string, count func() int, more int) {
	g.t.Helper()
	g.mu.Lock()
	want := count() + more
	g.mu.Unlock()
	cluster.Eventually(g.t, limit, fmt.Sprintf("group %s: %d more %s", g.cfg.Group, more, what), func(context.Context) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if got := count(); got < want {
			return fmt.Errorf("%d of %d; the last commit's error: %v", got, want, g.mu.last)
		}
		return nil
	})
}

// WaitAll waits until the group has read every acknowledged record and committed the end of every
// partition.
func (g *Group) WaitAll(rec *history.Recorder, limit time.Duration) {
	g.t.Helper()
	h := rec.History()
	cluster.Eventually(g.t, limit, "group "+g.cfg.Group+" reads everything", func(context.Context) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, s := range h.Sends {
			if s.Outcome == history.Acked && s.Partition.Topic == g.cfg.Topic && !g.mu.seen[s.Value] {
				return fmt.Errorf("%q, acknowledged at %s offset %d, was not read; the last commit's error: %v", s.Value, s.Partition, s.Offset, g.mu.last)
			}
		}
		return nil
	})
	cluster.Eventually(g.t, limit, "group "+g.cfg.Group+" commits everything", g.committedAll)
}

func (g *Group) committedAll(ctx context.Context) error {
	ends, err := g.c.Admin().ListEndOffsets(ctx, g.cfg.Topic)
	if err != nil {
		return err
	}
	offsets, err := g.c.Admin().FetchOffsets(ctx, g.cfg.Group)
	if err != nil {
		return err
	}
	for p, end := range ends[g.cfg.Topic] {
		o, _ := offsets.Lookup(g.cfg.Topic, p)
		if o.Err != nil || end.Err != nil || end.Offset > 0 && o.At != end.Offset {
			return fmt.Errorf("partition %d: committed %d of %d (%v, %v)", p, o.At, end.Offset, o.Err, end.Err)
		}
	}
	return nil
}

// Stop ends the members, who leave the group.
func (g *Group) Stop() {
	g.cancel()
	g.done.Wait()
	for _, cl := range g.Clients {
		cl.CloseAllowingRebalance()
	}
}
