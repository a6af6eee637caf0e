package main

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// oneByOne produces one record at a time to one partition.
func oneByOne(ctx context.Context, b *bench) (*Sample, error) {
	cl, err := b.client(kgo.DefaultProduceTopic(b.topic(1)))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	if err := connect(ctx, cl, b); err != nil {
		return nil, err
	}
	var latencies []time.Duration
	begin := time.Now()
	for time.Since(begin) < b.For {
		sent := time.Now()
		if err := cl.ProduceSync(ctx, &kgo.Record{Value: b.payload.next()}).FirstErr(); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(sent))
	}
	n := int64(len(latencies))
	return &Sample{Records: n, Bytes: n * int64(b.Record), Seconds: time.Since(begin).Seconds(), Latency: latencyOf(latencies)}, nil
}
