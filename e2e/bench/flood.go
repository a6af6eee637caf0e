package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// flood is what a flood wrote.
type flood struct {
	topic   string
	records int64
}

// flooding produces as fast as the cluster acknowledges. The figure is of everything sent, from the
// first record to the last answer.
func flooding(linger time.Duration) func(context.Context, *bench) (*Sample, error) {
	return func(ctx context.Context, b *bench) (*Sample, error) { return floods(ctx, b, 1, linger, b.inTime) }
}

// more reports whether a client of a flood goes on, so long after it began and with so many records
// sent.
type more func(since time.Duration, sent int) bool

// inTime goes on for as long as a run goes.
func (b *bench) inTime(since time.Duration, _ int) bool { return since < b.For }

// floods is flooding with several clients at once.
func floods(ctx context.Context, b *bench, clients int, linger time.Duration, on more) (*Sample, error) {
	topic := b.topic(b.Partitions)
	var acked atomic.Int64
	var all sync.WaitGroup
	first := firstError{}
	begin := time.Now()
	for range clients {
		cl, err := b.client(kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(linger))
		if err != nil {
			return nil, err
		}
		defer cl.Close()
		own := *b.payload
		all.Go(func() {
			n, err := pour(ctx, cl, &own, begin, on)
			acked.Add(n)
			if err != nil {
				first.set(err)
			}
		})
	}
	all.Wait()
	if err := first.get(); err != nil {
		return nil, err
	}
	*b.flooded = flood{topic, acked.Load()}
	return &Sample{Records: acked.Load(), Bytes: acked.Load() * int64(b.Record), Seconds: time.Since(begin).Seconds()}, nil
}

// betweenLooks is how many records a flood sends between two looks at the clock.
const betweenLooks = 64

// pour produces for as long as it is to go on and waits for all answers.
func pour(ctx context.Context, cl *kgo.Client, p *payload, begin time.Time, on more) (int64, error) {
	var acked atomic.Int64
	first := firstError{}
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			first.set(err)
			return
		}
		acked.Add(1)
	}
	for sent := 0; first.get() == nil && ctx.Err() == nil && on(time.Since(begin), sent); sent += betweenLooks {
		for range betweenLooks {
			cl.Produce(ctx, &kgo.Record{Value: p.next()}, done)
		}
	}
	if err := cl.Flush(ctx); err != nil {
		return 0, err
	}
	return acked.Load(), first.get()
}

// firstError keeps the first of many errors. Safe for any goroutine.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
