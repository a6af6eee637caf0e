package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// rates plans an open loop for every rate.
func rates(o *options) (all []planned) {
	for _, r := range o.Rates {
		all = append(all, planned{fmt.Sprintf("open loop, %d/s", r), func(ctx context.Context, b *bench) (*Sample, error) {
			return openLoop(ctx, b, r, 0)
		}})
	}
	return all
}

// openLoop produces at a rate. Latencies count from when a record was due.
func openLoop(ctx context.Context, b *bench, rate int, linger time.Duration) (*Sample, error) {
	cl, err := b.client(kgo.DefaultProduceTopic(b.topic(b.Partitions)), kgo.MaxBufferedRecords(1<<20), kgo.ProducerLinger(linger))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	if err := connect(ctx, cl, b); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var latencies []time.Duration
	first := firstError{}
	begin := time.Now()
	err = pace(ctx, rate, b.For, func(due time.Time) {
		cl.Produce(ctx, &kgo.Record{Value: b.payload.next()}, func(_ *kgo.Record, err error) {
			took := time.Since(due)
			if err != nil {
				first.set(err)
				return
			}
			mu.Lock()
			latencies = append(latencies, took)
			mu.Unlock()
		})
	})
	if err == nil {
		err = cl.Flush(ctx)
	}
	if err == nil {
		err = first.get()
	}
	if err != nil {
		return nil, err
	}
	n := int64(len(latencies))
	return &Sample{Records: n, Bytes: n * int64(b.Record), Seconds: time.Since(begin).Seconds(), Latency: latencyOf(latencies)}, nil
}

// connect has a client's connections and producer id made before anything is measured: one record
// for every partition.
func connect(ctx context.Context, cl *kgo.Client, b *bench) error {
	records := make([]*kgo.Record, b.Partitions)
	for i := range records {
		records[i] = &kgo.Record{Value: b.payload.timed(0)}
	}
	return cl.ProduceSync(ctx, records...).FirstErr()
}

// pace calls f for every record that is due, in time or as soon after it as it can, for so long.
func pace(ctx context.Context, rate int, long time.Duration, f func(due time.Time)) error {
	begin := time.Now()
	n := int(long.Seconds() * float64(rate))
	for i := 0; i < n && ctx.Err() == nil; i++ {
		due := begin.Add(time.Duration(float64(i) / float64(rate) * float64(time.Second)))
		await(due)
		f(due)
	}
	return ctx.Err()
}
