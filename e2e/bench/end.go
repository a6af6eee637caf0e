package main

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const endToEndRate = 1000

// endToEnd measures from when a record was due until a consumer has it, both in this process.
func endToEnd(ctx context.Context, b *bench) (*Sample, error) {
	topic := b.topic(b.Partitions)
	producer, err := b.client(kgo.DefaultProduceTopic(topic))
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	consumer, err := b.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	if err := connect(ctx, producer, b); err != nil {
		return nil, err
	}
	if _, err := arrivals(ctx, consumer, int(b.Partitions), time.Now()); err != nil {
		return nil, err
	}
	begin := time.Now()
	got := make(chan []time.Duration, 1)
	failed := make(chan error, 2)
	go func() {
		latencies, err := arrivals(ctx, consumer, int(b.For.Seconds()*endToEndRate), begin)
		failed <- err
		got <- latencies
	}()
	first := firstError{}
	err = pace(ctx, endToEndRate, b.For, func(due time.Time) {
		producer.Produce(ctx, &kgo.Record{Value: b.payload.timed(int64(due.Sub(begin)))}, func(_ *kgo.Record, err error) {
			if err != nil {
				first.set(err)
			}
		})
	})
	if err != nil {
		return nil, err
	}
	if err := producer.Flush(ctx); err != nil {
		return nil, err
	}
	if err := first.get(); err != nil {
		return nil, err
	}
	if err := <-failed; err != nil {
		return nil, err
	}
	latencies := <-got
	n := int64(len(latencies))
	return &Sample{Records: n, Bytes: n * int64(b.Record), Seconds: time.Since(begin).Seconds(), Latency: latencyOf(latencies)}, nil
}

// arrivals waits for n records, whose values begin with when they were due after begin, and returns
// how late they came.
func arrivals(ctx context.Context, cl *kgo.Client, n int, begin time.Time) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, consumeWithin)
	defer cancel()
	late := make([]time.Duration, 0, n)
	for len(late) < n {
		fetches := cl.PollFetches(ctx)
		now := time.Since(begin)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) { late = append(late, now-time.Duration(timeOf(r.Value))) })
	}
	return late, nil
}
