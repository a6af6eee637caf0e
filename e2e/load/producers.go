package load

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
)

// Config says how to produce.
type Config struct {
	Topic      string
	Partitions int32         // records go to them in turn
	Producers  int           // clients, 1 if 0
	Interval   time.Duration // between two records of a producer, 5 ms if 0
	Limit      int           // records of a producer, no limit if 0
	Size       int           // bytes of a value, at least; what the number needs if 0
	Plain      bool          // not idempotent
	Options    []kgo.Opt     // more options of the clients
}

// Producers run until Stop.
type Producers struct {
	t       testing.TB
	rec     *history.Recorder
	cfg     Config
	cancel  context.CancelFunc
	done    sync.WaitGroup // senders
	clients []*kgo.Client
	sent    sync.WaitGroup // records without an answer
	mu      struct {
		sync.Mutex
		errs []error
		sent int
		n    int // answered
	}
}

// runs keeps the values of different Producers apart.
var runs atomic.Int64

// Start starts the producers.
func Start(t testing.TB, c *cluster.Cluster, rec *history.Recorder, cfg Config) *Producers {
	t.Helper()
	if cfg.Producers == 0 {
		cfg.Producers = 1
	}
	if cfg.Interval == 0 {
		cfg.Interval = 5 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Producers{t: t, rec: rec, cfg: cfg, cancel: cancel}
	t.Cleanup(cancel)
	run := runs.Add(1)
	for i := range cfg.Producers {
		cl := c.Client(append(producerOptions(cfg), cfg.Options...)...)
		p.clients = append(p.clients, cl)
		p.done.Go(func() { p.run(ctx, cl, fmt.Sprintf("%s.%d.%d", cfg.Topic, run, i)) })
	}
	return p
}

// producerOptions: what would hide a loss from us is switched off. By default franz-go starts over
// with a new producer id when the broker's and its own sequence numbers differ.
func producerOptions(cfg Config) []kgo.Opt {
	o := []kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.StopProducerOnDataLossDetected(),
		kgo.ProducerLinger(0),
		kgo.ProduceRequestTimeout(5 * time.Second),
		kgo.MaxBufferedRecords(2000),
	}
	if cfg.Plain {
		o = append(o, kgo.DisableIdempotentWrite())
	}
	return o
}

func (p *Producers) run(ctx context.Context, cl *kgo.Client, name string) {
	tick := time.NewTicker(p.cfg.Interval)
	defer tick.Stop()
	for i := 0; p.cfg.Limit == 0 || i < p.cfg.Limit; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.send(ctx, cl, name, i)
	}
}

func (p *Producers) send(ctx context.Context, cl *kgo.Client, name string, i int) {
	where := history.Partition{Topic: p.cfg.Topic, Index: int32(i) % p.cfg.Partitions}
	value := fmt.Sprintf("%s-%d", name, i)
	id := p.rec.Invoke(name, !p.cfg.Plain, where, value)
	p.mu.Lock()
	p.mu.sent++
	p.mu.Unlock()
	p.sent.Add(1)
	r := &kgo.Record{Topic: where.Topic, Partition: where.Index, Value: []byte(value + strings.Repeat(" ", max(0, p.cfg.Size-len(value))))}
	// Not ctx: a record given up after it was sent would break the sequence of an idempotent producer.
	cl.Produce(context.Background(), r, func(r *kgo.Record, err error) {
		defer p.sent.Done()
		p.mu.Lock()
		p.mu.n++
		if err != nil {
			p.mu.errs = append(p.mu.errs, fmt.Errorf("%s: %w", value, err))
		}
		p.mu.Unlock()
		if err == nil {
			p.rec.Return(id, history.Acked, r.Offset)
		}
	})
}

// Answered is the number of records that have their answer.
func (p *Producers) Answered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.n
}

// Wait waits until n records more than now have their answer.
func (p *Producers) Wait(n int, limit time.Duration) {
	p.t.Helper()
	want := p.Answered() + n
	cluster.Eventually(p.t, limit, fmt.Sprintf("%d more records answered", n), func(context.Context) error {
		if got := p.Answered(); got < want {
			return fmt.Errorf("%d of %d; errors so far: %w", got, want, p.firstErr())
		}
		return nil
	})
}

// Stop ends sending (a producer with a limit sends all of it first), waits until every record has
// its answer and returns the errors.
func (p *Producers) Stop(limit time.Duration) []error {
	p.t.Helper()
	if p.cfg.Limit == 0 {
		p.cancel()
	}
	all := make(chan struct{})
	go func() { p.done.Wait(); p.sent.Wait(); close(all) }()
	after := time.NewTimer(limit)
	defer after.Stop()
	select {
	case <-all:
	case <-after.C:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.t.Fatalf("producers of %s: %d of %d records have an answer after %s; first error: %v", p.cfg.Topic, p.mu.n, p.mu.sent, limit, p.first())
	}
	for _, cl := range p.clients {
		cl.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.errs
}

// StopClean is Stop for a producer that must not see an error.
func (p *Producers) StopClean(limit time.Duration) {
	p.t.Helper()
	if errs := p.Stop(limit); len(errs) > 0 {
		p.t.Fatalf("producers of %s: %d records failed, the first: %v", p.cfg.Topic, len(errs), errs[0])
	}
}

func (p *Producers) firstErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first()
}

func (p *Producers) first() error {
	if len(p.mu.errs) == 0 {
		return nil
	}
	return p.mu.errs[0]
}
